"""Every configuration that the pages show is one that the tests run."""

import re
from typing import Any

import pytest
import yaml

from nameservers.snippets import DOMAIN, HOW_TO, KEY, PARENT, snippet

PAGES = ["bind.md", "knot.md", "nsd.md", "powerdns.md", "coredns-secondary.md"]
CONFIGURATION = {"conf", "corefile", "ini", "lua", "yaml"}


def page_blocks(page: str) -> list[tuple[str, str, str]]:
    """Return the blocks of a page: the line before each, its language, its text."""
    text = (HOW_TO / page).read_text()
    return re.findall(r"^([^\n]*)\n```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def zones(page: str) -> list[dict[str, Any]]:
    texts = [text for _, language, text in page_blocks(page) if language == "yaml"]
    return [text for text in map(yaml.safe_load, texts) if text.get("kind") == "DiscoveryZone"]


@pytest.mark.parametrize("page", PAGES)
def test_configurations_are_marked(page: str) -> None:
    unmarked = [
        text
        for before, language, text in page_blocks(page)
        if language in CONFIGURATION and "<!-- test: " not in before and "DiscoveryZone" not in text
    ]
    assert unmarked == []


@pytest.mark.parametrize("page", PAGES)
def test_every_snippet_is_used(page: str) -> None:
    """By a module of tests/nameservers."""
    code = "".join(path.read_text() for path in (HOW_TO.parents[1] / "tests" / "nameservers").glob("*.py"))
    for name in re.findall(r"<!-- test: ([\w-]+) -->", (HOW_TO / page).read_text()):
        # Those for updates are put together from the server and the kind of the zone.
        assert f'"{name}"' in code or re.sub(r"-update.*", "-{zone.kind}", name) in code, name


@pytest.mark.parametrize("page", PAGES)
def test_the_key_is_one_key(page: str) -> None:
    """Each Secret that a DiscoveryZone names is made on the page, and holds the key of the configuration."""
    text = (HOW_TO / page).read_text()
    specs = [zone["spec"] for zone in zones(page)]
    assert specs
    targets = [
        target
        for spec in specs
        for target in [*spec.get("updates", []), *spec.get("transfer", {}).get("secondaries", [])]
    ]
    for name in {target["keySecret"] for target in targets if "keySecret" in target}:
        assert f"create secret generic {name} \\\n  --from-literal=key={KEY}\n" in text


def test_placeholders_are_replaced_once() -> None:
    text = snippet("bind-update-shared", {DOMAIN: f"a.{PARENT}", PARENT: "example.org"})
    assert f"*.a.{PARENT} A" in text
    assert 'zone "example.org"' in text


def test_a_placeholder_that_the_page_has_lost() -> None:
    with pytest.raises(ValueError, match="bind-update has no"):
        snippet("bind-update", {"192.0.2.99": "127.0.0.1"})
