"""Writes what differs, a message at a time, and finds out what became of each."""

import asyncio
import time
from collections.abc import Callable
from typing import Never

from rollcall.dnswire.errors import TsigError, TsigFault
from rollcall.dnswire.header import PREREQUISITE_FAILED, Rcode
from rollcall.kube.backoff import uniform
from rollcall.model import KeyRing
from rollcall.zone.marker import marker_name

from . import reasons
from .discovery import connect
from .drafts import Draft
from .fence import Fence, ensure_leading
from .message import MAX_OCTETS, SIGNATURE_OCTETS, UnitUpdate, compose
from .progress import TargetProgress
from .publication import Fate, Publication
from .readback import read_units
from .server_state import data_of
from .session import TIMEOUT_SECONDS, Session, UpdateServer

PROBE_SECONDS = 3.0
"""Between two questions on an idle connection: PowerDNS closes it after 5 s, Knot after 10."""

SECONDS_PER_RECORD = 0.01
"""What a message may take beyond the time-out of a small one."""

REFUSED_IN_A_ROW = 3
"""Single names; after so many it may be the server that refuses, and not the names that are bad."""

PROBES = 2
"""Units that have had no part in what was refused, where there are such. Where the server refuses these as
well, it refuses everything."""

CONFLICTS_IN_A_ROW = 4
CONFLICT_SECONDS = (0.02, 0.2)
"""A rest, where another writer and we go on refuting each other."""

_EVERYWHERE = frozenset((Rcode.NOTAUTH, Rcode.NOTIMP))


class Writer:
    """Writes one domain.

    `due` says that there may be something to send; `doubt` asks for the whole zone to be read back soon.
    """

    def __init__(
        self,
        server: UpdateServer,
        domain: bytes,
        publication: Publication,
        ring: Callable[[], KeyRing],
        fence: Fence,
        progress: TargetProgress,
        count: Callable[[Fate], None],
        *,
        due: asyncio.Event,
        doubt: asyncio.Event,
    ) -> None:
        self._server = server
        self._domain = domain
        self._publication = publication
        self._worklist = publication.worklist
        self._ring = ring
        self._fence = fence
        self._progress = progress
        self._count = count
        self._due = due
        self._doubt = doubt
        self._session: Session | None = None
        self._zone = b""
        self._used: KeyRing | None = None
        self._is_renewed = False
        self._is_proven = False  # a write was seen to have effect
        self._refused = 0
        self._rcode = int(Rcode.REFUSED)
        self._probed: list[bytes] = []
        self._conflicts = 0

    def renew(self) -> None:
        """Connect anew before the next message, with the keys that hold then."""
        self._is_renewed = True

    def _remark(self) -> str:
        """Return what is worth saying while all is well."""
        ring, session = self._used, self._session
        if ring is None or session is None or session.key == ring.current:
            return ""
        return f"Signed with the key `previous`: {self._server} doesn't take {ring.current.name} yet."

    async def close(self) -> None:
        """End the connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def run(self) -> Never:
        """Write until cancelled.

        Raises:
            TargetError: the target can't be written now.
        """
        self._is_proven = False
        self._refused = self._conflicts = 0
        self._probed.clear()
        while True:
            self._due.clear()
            session = await self._connected()
            try:
                await self._turn(session)
            except TsigError as error:
                raise reasons.signature_fault(str(self._server), session.key.name, error) from None

    async def _connected(self) -> Session:
        session = self._session
        if session is not None and session.usable and not self._is_renewed:
            return session
        await self.close()
        self._is_renewed = False
        self._used = self._ring()
        self._session, self._zone = await connect(self._server, self._used, self._domain)
        return self._session

    async def _turn(self, session: Session) -> None:
        """Send the next message, or wait for something to send."""
        await self._resolve(session)
        await ensure_leading(self._fence, self._publication.knowledge)
        serial = self._publication.serial
        draft = None if self._suspects else self._worklist.draft(serial, time.time())
        if draft is None and self._suspects:
            draft = self._probe(session, serial)
        if draft is None and self._worklist:
            await asyncio.sleep(0)  # there was nothing to send in a good many units: on to the next ones
            return
        if draft is None:
            self._progress.on_settled(serial, self._remark())
            await self._idle(session)
            return
        wire = compose(session.next_id(), self._zone, draft.parts)
        if len(wire) > MAX_OCTETS - SIGNATURE_OCTETS and self._worklist.divide(draft):
            return
        with self._publication.under_way(draft):
            await self._send(session, draft, wire)

    async def _idle(self, session: Session) -> None:
        """Wait until there is something to send, and keep the connection meanwhile."""
        while not self._worklist.is_due(time.time()):
            try:
                async with asyncio.timeout(PROBE_SECONDS):
                    await self._due.wait()
                return
            except TimeoutError:
                if not session.usable:
                    return
                await session.serial_of(self._zone)
                self._progress.on_remedy()

    async def _send(self, session: Session, draft: Draft, wire: bytes) -> None:
        """Send a message, and find its fate (see `publication`)."""
        started = time.monotonic()
        try:
            answer = await session.send(wire, TIMEOUT_SECONDS + SECONDS_PER_RECORD * draft.record_count)
        except TsigError as error:
            if error.fault is TsigFault.BAD_KEY and error.by_peer:
                # Knot says so of a name that the key is not granted; the key itself was taken before.
                self._count(Fate.REFUSED)
                await self._refused_by(session, draft, Rcode.REFUSED)
                return
            self._count(Fate.REFUSED if error.by_peer else Fate.UNKNOWN)
            self._publication.on_unknown(draft)
            raise
        except BaseException:
            self._count(Fate.UNKNOWN)
            self._publication.on_unknown(draft)
            raise
        rcode = answer.rcode
        if rcode == Rcode.NOERROR:
            await self._accepted(session, draft, time.monotonic() - started)
        elif rcode in PREREQUISITE_FAILED:
            self._count(Fate.CONFLICT)
            await self._explain(session, draft, rcode)
        elif rcode in _EVERYWHERE:
            self._count(Fate.REFUSED)
            self._publication.on_returned(draft)
            raise reasons.refusal(str(self._server), rcode, self._zone, session.key.name)
        else:
            self._count(Fate.REFUSED)
            await self._refused_by(session, draft, rcode)

    async def _accepted(self, session: Session, draft: Draft, seconds: float) -> None:
        """Note that the server has acknowledged a message; the first time, check that it has written it."""
        if self._is_proven and not self._worklist.is_dropped(draft):
            self._publication.on_applied(draft)
        elif not await self._has_effect(session, draft):
            return
        self._worklist.note_pace(draft.record_count, seconds)
        self._count(Fate.APPLIED)
        self._refused = self._conflicts = 0
        self._probed.clear()
        self._progress.on_remedy()
        if draft.is_last:
            self._progress.on_settled(draft.serial, self._remark())
        else:
            self._progress.on_applied()

    async def _has_effect(self, session: Session, draft: Draft) -> bool:
        """Read back whether what was acknowledged was written; leave out what was not."""
        self._publication.on_unknown(draft)
        await self._resolve(session, is_acknowledged=True)
        effects = self._publication.had_effect(draft)
        dropped = [root for root, has_effect in effects.items() if not has_effect]
        self._publication.on_dropped(draft, dropped)
        if any(effects.values()):
            self._is_proven = True
        elif dropped:
            self._count(Fate.REFUSED)
            self._rcode = Rcode.NOERROR
            self._refused = self._refused + 1 if self._is_proven else REFUSED_IN_A_ROW
            return False
        return True

    async def _resolve(self, session: Session, *, is_acknowledged: bool = False) -> None:
        """Find the fate of messages that were not answered, before anything else is written."""
        roots = self._publication.unresolved()
        if not roots:
            return
        reading = await read_units(session, self._zone, dict.fromkeys(roots, ()))
        for root in roots:
            match self._publication.resolve(root, reading, is_acknowledged=is_acknowledged):
                case Fate.APPLIED:
                    self._progress.on_remedy()
                case Fate.CONFLICT | Fate.UNKNOWN:
                    await self._read(session, root)
        if not self._publication.knowledge.is_sure:
            self._doubt.set()

    async def _explain(self, session: Session, draft: Draft, rcode: int) -> None:
        """Find what has made a prerequisite fail, and read it anew."""
        units = {part.root: [guard.owner for guard in part.guards] for part in draft.parts}
        with self._publication.explaining(draft):
            reading = await read_units(session, self._zone, units)
        found = self._publication.on_conflict(draft, reading)
        if not found:
            await self._refused_by(session, draft, rcode)
            return
        for root in found:
            await self._read(session, root)
        if self._publication.knowledge.is_challenged:
            self._doubt.set()
        self._conflicts += 1
        if self._conflicts >= CONFLICTS_IN_A_ROW:
            await asyncio.sleep(uniform(*CONFLICT_SECONDS))

    async def _read(self, session: Session, root: bytes) -> None:
        units = {root: self._publication.names_of(root)}
        self._publication.learn_unit(root, await read_units(session, self._zone, units))
        if self._publication.knowledge.is_unsure(root):
            self._doubt.set()

    async def _refused_by(self, session: Session, draft: Draft, rcode: int) -> None:
        """Send a refused message in halves; leave a single name out, unless others are in its way."""
        if self._worklist.divide(draft):
            return
        [part] = draft.parts
        if not self._probed:
            with self._publication.explaining(draft):
                is_as_expected = await self._is_as_expected(session, part)
            if not is_as_expected:
                self._publication.on_returned(draft)
                return
        if self._worklist.is_obstructed(draft):
            return
        self._publication.on_refused(draft, rcode)
        self._rcode = rcode
        self._refused += 1

    async def _is_as_expected(self, session: Session, part: UnitUpdate) -> bool:
        """Read the names of a part anew; return whether nobody else is seen to have written the unit."""
        root = part.root
        owners = dict.fromkeys(owner for (owner, _), _ in part.updates)
        reading = await read_units(session, self._zone, {root: tuple(owners)})
        if not reading.hides(marker_name(root)) and data_of(reading.marker(root)) != data_of(part.before):
            await self._read(session, root)
            return False
        self._publication.learn_unit(root, reading)
        return True

    @property
    def _suspects(self) -> bool:
        """Whether it may be the server that refuses, and not the names that are bad."""
        is_alone = bool(self._refused) and not (self._is_proven or self._worklist)
        return self._refused >= REFUSED_IN_A_ROW or is_alone

    def _probe(self, session: Session, serial: int) -> Draft:
        """Return a message that a server takes if it takes any.

        Raises:
            Refusal: it has refused those as well, or there is none.
        """
        draft = self._worklist.probe(serial, self._probed) if len(self._probed) < PROBES else None
        if draft is None:
            self._worklist.gather()
            if self._rcode == Rcode.NOERROR:
                raise reasons.nothing_written(str(self._server), self._zone)
            raise reasons.refusal(str(self._server), self._rcode, self._zone, session.key.name)
        self._probed += [part.root for part in draft.parts]
        return draft
