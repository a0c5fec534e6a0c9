"""Who is eligible, and why not. Pure: no I/O, no clock, no logging."""

from .directory import Directory, ServiceChange
from .entry import Entry

__all__ = ["Directory", "Entry", "ServiceChange"]
