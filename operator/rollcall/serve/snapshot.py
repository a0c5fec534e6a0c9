"""The whole state in a file: what a worker answers from before the control process has synced."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from rollcall.disk.frames import FileKind
from rollcall.disk.state_file import read, write
from rollcall.feed.frames import pieces
from rollcall.model.owner import Owner
from rollcall.zone.changes import ZoneDelta

ANSWERS = FileKind[ZoneDelta]("answers", 1, ZoneDelta)
"""Its values are the zones, as deltas from nothing, large ones in pieces."""


def write_snapshot(path: Path, owner: Owner, zones: Iterable[ZoneDelta]) -> None:
    """Replace the file by one with this state, at once or not at all. Blocks on the disk; raises OSError."""
    write(path, ANSWERS, owner, pieces(zones))


def read_snapshot(path: Path, owner: Owner) -> Iterator[ZoneDelta]:
    """Read the state, in pieces: a large one is never in memory as a whole. Blocks on the disk.

    Raises:
        FileNotFoundError: there is none.
        OSError: the disk refuses.
        Unusable: it is damaged or another owner's. What came before this is not to be used either.
    """
    return read(path, ANSWERS, owner)
