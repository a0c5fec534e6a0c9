"""Eligible sets in, resource records out. Pure: no I/O, no clock, no logging.

What a process needs that only answers (changes, names, serials) is in modules that import little. What makes
zones, and the directory with it, is imported once somebody asks for it here.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from .changes import MAX_ANSWER, RRsetDelta, ZoneDelta

if TYPE_CHECKING:
    from .installation import Installation
    from .version import Output, PublishedVersion
    from .zones import Commit, Past, PublishedName, Zones

__all__ = [
    "MAX_ANSWER",
    "Commit",
    "Installation",
    "Output",
    "Past",
    "PublishedName",
    "PublishedVersion",
    "RRsetDelta",
    "ZoneDelta",
    "Zones",
]


_ON_DEMAND = {
    "Commit": "zones",
    "Installation": "installation",
    "Output": "version",
    "Past": "zones",
    "PublishedName": "zones",
    "PublishedVersion": "version",
    "Zones": "zones",
}
"""The module of each name that is imported late."""


def __getattr__(name: str) -> object:
    """Import what is asked for for the first time (PEP 562)."""
    if name not in _ON_DEMAND:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_ON_DEMAND[name]}", __name__), name)
