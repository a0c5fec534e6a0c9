"""The configurations that docs/how-to/ shows, taken out of the pages: what a user copies is what runs.

A block that a server is started from stands behind a comment with its name: `<!-- test: bind-update -->`.
Only the placeholders below are replaced.
"""

import re
from collections.abc import Mapping
from pathlib import Path

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"

ROLLCALL = "192.0.2.53"
"""The address of Rollcall's transfer server in the pages; its port is 53."""

DOMAIN = "k8s.example.com"
PARENT = "example.com"
"""The zone of somebody else that our domain may be a part of."""
REVERSE = "0.10.in-addr.arpa"
CATALOG = "catalog.rollcall.example"

SECRET = "cm9sbGNhbGwgZXhhbXBsZSBrZXk6IG1ha2UgYW5vdGhlciBvbmU="
KEY = f"hmac-sha256:rollcall:{SECRET}"
"""The key of the pages, as our Secrets hold it and `dig -y` takes it."""

_MARKED = re.compile(r"<!-- test: ([\w-]+) -->\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def snippet(name: str, replaced: Mapping[str, str] | None = None) -> str:
    """Return the block of this name, with placeholders replaced.

    Raises KeyError for a name that no page has, ValueError for a placeholder that isn't in the block: the
    page has changed.
    """
    text = _snippets()[name]
    if not replaced:
        return text
    if missing := [old for old in replaced if old not in text]:
        raise ValueError(f"the snippet {name} has no {missing}: {text}")
    # In one pass, so that what is put in isn't replaced in its turn, and longer ones first.
    longest_first = sorted(replaced, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, longest_first)), lambda found: replaced[found[0]], text)


def _snippets() -> dict[str, str]:
    found: dict[str, str] = {}
    for page in sorted(HOW_TO.glob("*.md")):
        for name, text in _MARKED.findall(page.read_text()):
            if name in found:
                raise ValueError(f"{page.name}: there are two snippets {name}")
            found[name] = text
    return found
