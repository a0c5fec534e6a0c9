"""Zones at DNS services that octoDNS has a provider for.

octoDNS waits for its provider and may load code of anybody's, so that it never runs in the operator: each run
is a process of its own (`run`), which gets all it needs over its standard input and answers with one object.
"""

from .worker import OctodnsWorker

__all__ = ["OctodnsWorker"]
