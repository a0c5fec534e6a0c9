"""What a target is, and those that there are."""

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from fuzz import targets

CORPUS = Path(__file__).with_name("corpus")


class Target(NamedTuple):
    """A place where octets come in.

    `feed` raises nothing unless Rollcall has a defect: an exception that nobody expects, or an assertion of
    what holds for any input. `seeds` are valid inputs to begin with.
    """

    seeds: Sequence[bytes]
    feed: Callable[[bytes], None]

    def corpus(self, name: str) -> list[Path]:
        """Return the files of its corpus."""
        return sorted((CORPUS / name).glob("*"))


def names() -> list[str]:
    """Return what the targets are called: each is a module of `fuzz.targets`."""
    return sorted(module.name for module in pkgutil.iter_modules(targets.__path__))


def load(name: str) -> Target:
    """Make a target ready. It takes seconds and memory: only where it is fed."""
    target = importlib.import_module(f"fuzz.targets.{name}").TARGET
    assert isinstance(target, Target)
    return target
