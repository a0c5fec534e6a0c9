"""Files of the state folder: any octets, and frames whose checksums hold with values that nobody wrote."""

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from fuzz.target import Target
from owners import OWNER
from rollcall.disk.errors import Unusable
from rollcall.disk.folder import HOLDER
from rollcall.disk.frames import Beginning, FileKind, FrameReader, whole
from rollcall.publish.transfer.journal.frames import JOURNAL, Begin, content_frames, restore
from rollcall.publish.transfer.journal.journal import Head, Journal
from rollcall.serve.snapshot import ANSWERS
from rollcall.state.serials import SERIALS, Reserved
from rollcall.state.snapshots import FILES
from rollcall.zone.exported import ExportedRRset
from rollcall.zone.names import from_text
from unit.serve.samples import rrset, zone


def _read_journal(file: BinaryIO) -> None:
    reader = FrameReader(file, JOURNAL)
    reader.check_owner(OWNER)
    restore(reader, Journal())


def _reader_of(kind: FileKind[Any]) -> Callable[[BinaryIO], None]:
    def read(file: BinaryIO) -> None:
        reader = FrameReader(file, kind)
        reader.check_owner(OWNER)
        for value in reader.values():
            if isinstance(value, Reserved):
                assert value.past is not None
        reader.check_end()

    return read


_KINDS: list[tuple[FileKind[Any], Callable[[BinaryIO], None]]] = [
    *((kind, _reader_of(kind)) for kind in (ANSWERS, FILES, SERIALS, HOLDER)),
    (JOURNAL, _read_journal),
]
_FRAMED = 0x80


def feed(octets: bytes) -> None:
    """Read it as a file of the kind that the first octet says.

    Either it is the file, or the bodies of its frames, each with two octets before it that say its length.
    """
    if not octets:
        return
    kind, read = _KINDS[(octets[0] & ~_FRAMED) % len(_KINDS)]
    with os.fdopen(os.memfd_create("state"), "w+b") as file:
        file.write(b"".join(_framed(kind, octets[1:])) if octets[0] & _FRAMED else octets[1:])
        file.seek(0)
        with contextlib.suppress(Unusable):
            read(file)


def _framed(kind: FileKind[Any], octets: bytes) -> Iterator[bytes]:
    frames = Beginning(kind, OWNER)
    yield frames.octets
    while len(octets) > 2:
        size = int.from_bytes(octets[:2], "big")
        body, octets = octets[2 : 2 + size], octets[2 + size :]
        yield frames.frame(body)


_APEX = from_text("k8s.example.com")
_HEAD = Head(7, b"soa", 30)
_VALUES: list[list[Any]] = [
    [zone(rrset("s.example.test.", "A", "10.0.0.1", "10.0.0.2"))],
    [],
    [Reserved(_APEX, 9, 7, bytes(8))],
    [],
    [Begin(_APEX, 0), *content_frames(_HEAD, {(_APEX, 2): ExportedRRset(5, (b"\0",))}, None)],
]
TARGET = Target(
    [
        seed
        for number, ((kind, _), values) in enumerate(zip(_KINDS, _VALUES, strict=True))
        for seed in (
            bytes((number,)) + b"".join(whole(kind, OWNER, values)),
            bytes((number | _FRAMED,))
            + b"".join(len(body).to_bytes(2, "big") + body for body in map(kind.encode, values)),
        )
    ],
    feed,
)
