"""Who is eligible, and why not. Pure: no I/O, no clock, no logging."""

from .changes import ServiceChange
from .directory import Directory
from .entry import Entry

__all__ = ["Directory", "Entry", "ServiceChange"]
