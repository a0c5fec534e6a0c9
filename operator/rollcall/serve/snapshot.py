"""The whole state in a file: what a worker answers from before the control process has synced.

The file is a line that names the format and its version, the frames of the feed, and a trailer with the
length and checksum of the frames.
"""

import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from rollcall.atomic_file import replacing
from rollcall.feed.errors import FrameError
from rollcall.feed.frames import Decoder, Delta, encode, pieces
from rollcall.zone.changes import ZoneDelta

from .errors import SnapshotError

_MAGIC = b"rollcall snapshot 1\n"
_TRAILER = struct.Struct("!QI")  # bytes and CRC-32 of the frames
_CHUNK_SIZE = 1 << 16


def write_snapshot(path: Path, zones: Iterable[ZoneDelta]) -> None:
    """Replace the file by one with this state, at once or not at all. Blocks on the disk; raises OSError."""
    with replacing(path) as file:
        length = checksum = 0
        file.write(_MAGIC)
        for zone in pieces(zones):
            frame = encode(Delta(0, (zone,)))
            file.write(frame)
            length += len(frame)
            checksum = zlib.crc32(frame, checksum)
        file.write(_TRAILER.pack(length, checksum))


def read_snapshot(path: Path) -> Iterator[ZoneDelta]:
    """Read the state, in pieces. Raises FileNotFoundError, or SnapshotError before the first piece.

    The file is read twice, first for its checksum: a damaged one changes nothing, and a large one is never
    in memory as a whole.
    """
    with path.open("rb") as file:
        length = os.fstat(file.fileno()).st_size - len(_MAGIC) - _TRAILER.size
        if file.read(len(_MAGIC)) != _MAGIC:
            raise SnapshotError(f"{path} is not a snapshot that this version can read: ignored")
        checksum = 0
        for chunk in _chunks(file, length):
            checksum = zlib.crc32(chunk, checksum)
        if length < 0 or file.read() != _TRAILER.pack(length, checksum):
            raise SnapshotError(f"{path} is damaged, its length or checksum is wrong: ignored")
        file.seek(len(_MAGIC))
        decoder = Decoder[Delta](Delta)
        try:
            for chunk in _chunks(file, length):
                for frame in decoder.feed(chunk):
                    yield from frame.zones
        except FrameError as error:
            raise SnapshotError(f"{path} holds what this version can't read ({error}): ignored") from error


def _chunks(file: BinaryIO, length: int) -> Iterator[bytes]:
    while length > 0 and (chunk := file.read(min(length, _CHUNK_SIZE))):
        length -= len(chunk)
        yield chunk
