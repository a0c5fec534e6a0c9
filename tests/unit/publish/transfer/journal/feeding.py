"""Zones that a test feeds. Their archive is not run, so that nothing is read or written."""

from pathlib import Path

from owners import OWNER
from rollcall.publish.transfer.journal.archive import Archive
from rollcall.publish.transfer.journal.zones import TransferZones
from transfers.source import ZoneSource


def unfiled() -> Archive:
    """Return an archive whose journals live as long as the process."""
    return Archive(Path("nowhere"), OWNER)


def load(zones: TransferZones, *sources: ZoneSource) -> None:
    """Give the zones a whole state."""
    zones.reset()
    for source in sources:
        zones.load(source.whole())
    zones.commit()
