"""The walks through the code: every function that they name is there."""

import importlib
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "architecture.md"

_NAME = re.compile(r"`((?:[a-z_]+\.)+[A-Za-z_.]+)`")


def names() -> list[str]:
    """Return what the page names of the package, as module and attribute."""
    walks = PAGE.read_text().partition("## Three walks")[2].partition("\n## ")[0]
    return sorted(set(_NAME.findall(walks)))


def test_the_page_has_three_walks() -> None:
    assert len(names()) > 25


@pytest.mark.parametrize("name", names())
def test_a_name_is_in_the_code(name: str) -> None:
    parts = name.split(".")
    depth = next(at for at, part in enumerate(parts) if at and not _is_module(parts[: at + 1]))
    found = importlib.import_module(".".join(["rollcall", *parts[:depth]]))
    for part in parts[depth:]:
        found = getattr(found, part)


def _is_module(parts: list[str]) -> bool:
    folder = Path(__file__).parents[3] / "operator" / "rollcall"
    path = folder.joinpath(*parts)
    return path.is_dir() or path.with_suffix(".py").is_file()
