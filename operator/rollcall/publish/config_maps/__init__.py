"""Writes renderings into ConfigMaps, as the leader.

    marks      by what a ConfigMap of ours is known, and why another is not touched
    wanted     what the ConfigMaps of a file are to be
    existing   what is there, as far as it was read
    writer     brings those of one file up to date
    watching   what others do to them, as it happens
    publisher  when: after changes, also by others, after failures, and every few minutes
    report     what the status says about it

Nothing is deleted: we have no right to delete ConfigMaps, so that a part which a smaller rendering no longer
needs is emptied.
"""

from .existing import ConfigMapApi
from .publisher import FilePublisher
from .report import FileReport
from .watching import ConfigMapWatch

__all__ = ["ConfigMapApi", "ConfigMapWatch", "FilePublisher", "FileReport"]
