"""Zones at servers that take updates (RFC 2136): written in few messages, fenced, read back, repaired."""

from .fence import Fence
from .worker import UpdateWorker

__all__ = ["Fence", "UpdateWorker"]
