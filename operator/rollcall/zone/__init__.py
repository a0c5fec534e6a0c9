"""Eligible sets in, resource records out. Pure: no I/O, no clock, no logging."""

from .changes import MAX_ANSWER, RRsetDelta, ZoneDelta
from .zones import Commit, Past, Publication, Zones

__all__ = ["MAX_ANSWER", "Commit", "Past", "Publication", "RRsetDelta", "ZoneDelta", "Zones"]
