"""Eligible sets in, resource records out. Pure: no I/O, no clock, no logging."""

from .changes import MAX_ANSWER, RRsetDelta, ZoneDelta
from .version import Output, PublishedVersion
from .zones import Commit, Past, PublishedName, Zones

__all__ = [
    "MAX_ANSWER",
    "Commit",
    "Output",
    "Past",
    "PublishedName",
    "PublishedVersion",
    "RRsetDelta",
    "ZoneDelta",
    "Zones",
]
