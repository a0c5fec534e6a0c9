"""UpdateWorkers at real servers, driven by hand: a zone to change, a fence to lift, reports to wait for."""

from updates.running import Fence, Running, at_server, markers, running
from updates.source import IDENTITY, Source, label, many, text_of

__all__ = [
    "IDENTITY",
    "Fence",
    "Running",
    "Source",
    "at_server",
    "label",
    "many",
    "markers",
    "running",
    "text_of",
]
