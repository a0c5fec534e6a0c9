"""Writes and readings that overlap in any way: what somebody else has changed meanwhile is found.

Writer and reader are the real ones. They take turns at every request and every answer, as the test decides.
"""

import asyncio
import itertools
from collections.abc import Callable, Collection, Coroutine, Generator, Mapping
from typing import Any, Never

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nameservers import KEY
from rollcall.dnswire.header import Opcode, flags_of
from rollcall.dnswire.message import Message, message, read
from rollcall.dnswire.types import Type
from rollcall.kube.backoff import Backoff
from rollcall.model import KeyRing, UpdateTarget, parse_key
from rollcall.publish.update import reader, writer
from rollcall.publish.update.progress import TargetProgress
from rollcall.publish.update.publication import Publication
from rollcall.publish.update.reading import Reading
from rollcall.publish.update.reasons import TargetError, timed_out
from rollcall.publish.update.session import UpdateServer
from rollcall.publish.update.transfer import TransferredZone, TransferRefused
from rollcall.zone.exported import ExportedRRset
from rollcall.zone.marker import is_marker_name, marker_name
from thorough import examples
from unit.publish.update.model_server import ModelServer
from unit.publish.update.test_publication import wanted, without_markers
from updates.running import Fence
from updates.source import IDENTITY, Source, many

SERVICES = ["web.shop", "api.shop"]
THEIRS = ExportedRRset(300, (b"\xc6\x33\x64\x01",))


class Turn:
    """Awaited: the others have their turn."""

    def __await__(self) -> Generator[None, None, None]:
        yield


class Session:
    """A connection to the model of a server; whatever is sent takes two turns, there and back."""

    key = parse_key(KEY)
    usable = True

    def __init__(self, overlap: "Overlap") -> None:
        self.overlap = overlap
        self._ids = itertools.count(1)

    async def close(self) -> None:
        """Do nothing."""

    def next_id(self) -> int:
        return next(self._ids)

    async def serial_of(self, zone: bytes) -> int:
        await Turn()
        serial = self.overlap.server.serial
        await Turn()
        return serial

    async def send(self, wire: bytes, timeout_seconds: float) -> Message:
        await Turn()
        rcode = self.overlap.server.update(wire)
        await Turn()
        if self.overlap.loses_answers:
            raise timed_out("a model", timeout_seconds)
        return read(message(1, flags_of(Opcode.UPDATE) | 1 << 15 | rcode, [], []))


class IdleWriter(writer.Writer):
    """Gives way where it would wait for something to send."""

    is_idle = False

    async def _idle(self, session: Any) -> None:
        self.is_idle = True
        await Turn()
        self.is_idle = False


class Overlap:
    """A writer and a reader of one publication, at a model of a server."""

    def __init__(self, *, transfers: bool) -> None:
        self.server = ModelServer()
        self.source = Source()
        self.transfers = transfers
        self.loses_answers = False
        self.fence = Fence()
        spec = UpdateTarget("target", "192.0.2.1", "secret")
        self.publication = Publication(self.source.published, spec, IDENTITY, lambda: self.fence.epoch)
        for _ in self.publication.build():
            pass
        self.source.listeners.append(self.publication.on_version)
        self.reads = self._reader()
        self.writes = self._writer()
        self.looking: Coroutine[Any, Any, None] | None = None
        self._writing: Coroutine[Any, Any, Never] | None = None

    def _reader(self) -> reader.Reader:
        return reader.Reader(
            UpdateServer("192.0.2.1", 53),
            self.source.apex,
            IDENTITY,
            self.publication,
            lambda: KeyRing(Session.key),
            due=asyncio.Event(),
            found=asyncio.Event(),
        )

    def _writer(self) -> IdleWriter:
        worklist = self.publication.worklist
        progress = TargetProgress(
            "zone", self.source.apex, "target", worklist, Backoff(), lambda report: None
        )
        return IdleWriter(
            UpdateServer("192.0.2.1", 53),
            self.source.apex,
            self.publication,
            lambda: KeyRing(Session.key),
            self.fence,
            progress,
            lambda fate: None,
            due=asyncio.Event(),
            doubt=asyncio.Event(),
        )

    def read(self) -> bool:
        """Let the reader go on by a turn; return whether it is in the middle of a look then."""
        self.looking = self.looking or self.reads.read_back()
        try:
            self.looking.send(None)
        except StopIteration:
            self.looking = None
        return self.looking is not None

    def write(self) -> None:
        """Let the writer go on by a turn; it begins again after a failure."""
        self._writing = self._writing or self.writes.run()
        try:
            self._writing.send(None)
        except TargetError:
            self._writing = None

    def look(self) -> None:
        """Read from the first turn to the last, with nothing in between."""
        while self.read():
            pass

    def finish(self) -> None:
        """Let the writer write all that there is."""
        self.loses_answers = False
        self.write()
        for _ in range(1000):
            if self.writes.is_idle and not self.publication.worklist:
                return
            self.write()
        raise AssertionError("it never ends")

    def damage(self, number: int) -> None:
        """Let somebody change or delete records of ours."""
        ours = sorted(key for key in self.server.rrsets if not is_marker_name(key[0]))
        if ours:
            owner, rdtype = ours[number % len(ours)]
            self.server.replace(owner, rdtype, THEIRS if number % 2 and rdtype == Type.A else None)

    def end(self) -> None:
        """Close what is open."""
        for each in (self.looking, self._writing):
            if each is not None:
                each.close()


@pytest.fixture(autouse=True)
def _model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let both ask the model."""

    async def connect(server: UpdateServer, ring: KeyRing, domain: bytes) -> tuple[Session, bytes]:
        return Session(current[0]), domain

    async def read_zone(session: Session, zone: bytes, domain: bytes, identity: str) -> TransferredZone:
        await Turn()
        server = session.overlap.server
        contents = TransferredZone(server.serial, server.state(identity))
        await Turn()
        if not session.overlap.transfers:
            raise TransferRefused("REFUSED")
        return contents

    async def read_units(session: Session, zone: bytes, units: Mapping[bytes, Collection[bytes]]) -> Reading:
        await Turn()
        names = [*map(marker_name, units), *(owner for owners in units.values() for owner in owners)]
        reading = session.overlap.server.reading(names)
        await Turn()
        return reading

    async def read_cuts(session: Session, zone: bytes, names: Collection[bytes]) -> Any:
        await Turn()
        return session.overlap.server.cuts(names)

    for module in (reader, writer):
        monkeypatch.setattr(module, "connect", connect)
        monkeypatch.setattr(module, "read_units", read_units)
    monkeypatch.setattr(reader, "read_zone", read_zone)
    monkeypatch.setattr(reader, "read_cuts", read_cuts)


current: list[Overlap] = []


def settled(*, transfers: bool) -> Overlap:
    """Return one in which all is written and read."""
    overlap = Overlap(transfers=transfers)
    current[:] = [overlap]
    overlap.source.services({service: many(2) for service in SERVICES})
    overlap.look()
    overlap.finish()
    overlap.look()
    assert overlap.publication.serial_count.count == 0
    return overlap


turns = st.lists(
    st.one_of(
        st.just(("read", 0)),
        st.just(("write", 0)),
        st.tuples(st.just("set"), st.integers(0, 9)),
        st.tuples(st.just("damage"), st.integers(0, 30)),
        st.tuples(st.just("lose"), st.integers(0, 1)),
    ),
    max_size=40,
)


@settings(max_examples=examples(400))
@given(turns, st.booleans())
def test_what_others_changed_is_found_by_the_next_reading(
    plan: list[tuple[str, int]], transfers: bool
) -> None:
    overlap = settled(transfers=transfers)
    does: dict[str, Callable[[int], object]] = {
        "read": lambda _: overlap.read(),
        "write": lambda _: overlap.write(),
        "set": lambda number: overlap.source.service(SERVICES[number % 2], many(1 + number // 2)),
        "damage": overlap.damage,
        "lose": lambda number: setattr(overlap, "loses_answers", bool(number)),
    }
    for what, number in plan:
        does[what](number)
    while overlap.looking is not None:
        overlap.read()
    overlap.finish()
    overlap.look()
    overlap.finish()
    assert without_markers(overlap.server) == wanted(overlap.source)
    assert overlap.fence.raised == [], "nobody else has written to a unit"
    overlap.end()
