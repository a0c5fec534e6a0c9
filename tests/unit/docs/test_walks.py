"""The walks through the code, and the glossary: everything of the code that they name is there."""

import importlib
import re
from pathlib import Path

import pytest

PAGES = Path(__file__).parents[3] / "docs" / "explanation"

_NAME = re.compile(r"`((?:[a-z_]+\.)+[A-Za-z_.]+)`")


def walked() -> set[str]:
    """Return what the walks name of the package, as module and attribute."""
    page = (PAGES / "architecture.md").read_text()
    return set(_NAME.findall(page.partition("## Three walks")[2].partition("\n## ")[0]))


def defined() -> set[str]:
    """Return where the words of the glossary are in the package."""
    return set(_NAME.findall((PAGES / "glossary.md").read_text()))


def test_the_pages_name_code() -> None:
    assert len(walked()) > 25
    assert len(defined()) > 25


@pytest.mark.parametrize("name", sorted(walked() | defined()))
def test_a_name_is_in_the_code(name: str) -> None:
    parts = name.split(".")
    inner = (at for at in range(1, len(parts)) if not _is_module(parts[: at + 1]))
    depth = next(inner, len(parts))
    found = importlib.import_module(".".join(["rollcall", *parts[:depth]]))
    for part in parts[depth:]:
        found = getattr(found, part)


def _is_module(parts: list[str]) -> bool:
    folder = Path(__file__).parents[3] / "operator" / "rollcall"
    path = folder.joinpath(*parts)
    return path.is_dir() or path.with_suffix(".py").is_file()
