"""What the pages of the documentation consist of: links, headings, blocks of code."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[3]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        ROOT / "charts" / "rollcall" / "README.md",
    ]
)

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_INLINE = re.compile(r"`([^`\n]+)`")


class Block(NamedTuple):
    """A block of code: its page, its language ("" for none), its text."""

    page: Path
    language: str
    text: str


def prose(page: Path) -> str:
    """Return a page without its blocks of code."""
    return _FENCE.sub("", page.read_text())


def blocks(*languages: str) -> Iterator[Block]:
    """Yield the blocks of code of some languages, of all pages."""
    for page in PAGES:
        yield from (block for block in blocks_of(page) if block.language in languages)


def blocks_of(page: Path) -> list[Block]:
    """Return all blocks of code of a page, in their order."""
    return [Block(page, language, text) for _, language, text in _FENCE.findall(page.read_text())]


def links(page: Path) -> list[str]:
    """Return where the links of a page lead."""
    return _LINK.findall(re.sub(r"`[^`\n]*`", "", prose(page)))


def inline_code(page: Path) -> list[str]:
    """Return what a page has in backquotes."""
    return _INLINE.findall(prose(page))


def anchors(page: Path) -> set[str]:
    """Return what GitHub makes of the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def name(page: Path) -> str:
    """Return a page's path in the repository."""
    return str(page.relative_to(ROOT))
