"""Every relative link leads somewhere, and the index lists every page."""

from pathlib import Path

import pytest

from unit.docs.pages import PAGES, ROOT, anchors, links, name


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links(page: Path) -> None:
    broken = []
    for link in links(page):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_the_index_lists_every_page() -> None:
    index = ROOT / "docs" / "README.md"
    listed = {(index.parent / link.partition("#")[0]).resolve() for link in links(index)}
    pages = {page for page in (ROOT / "docs").rglob("*.md") if page != index and page.parent.name != "adr"}
    assert {name(page) for page in pages - listed} == set()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_pages_are_for_everyone(page: Path) -> None:
    """No path of somebody's machine, no note of ours."""
    text = page.read_text()
    assert [
        word for word in ("/work/", "/root/", "/home/", "design.md", "TODO", "FIXME") if word in text
    ] == []
