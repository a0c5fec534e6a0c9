"""Writes what differs, a message at a time, and finds out what became of each."""

import asyncio
import time
from collections.abc import Callable
from random import SystemRandom
from typing import Never, Protocol

from rollcall.dnswire.errors import TsigError, TsigFault
from rollcall.dnswire.header import Rcode
from rollcall.model import KeyRing

from . import reasons
from .discovery import connect
from .drafts import Draft, Drafts
from .fence import Fence
from .learning import Learning
from .message import MAX_OCTETS, SIGNATURE_OCTETS, compose
from .outcomes import Outcomes
from .publication import Publication
from .readback import read_markers, read_names
from .session import TIMEOUT_SECONDS, Server, Session

PROBE_SECONDS = 3.0
"""Between two questions on an idle connection: PowerDNS closes it after 5 s, Knot after 10."""

SECONDS_PER_RECORD = 0.01
"""What a message may take beyond the time-out of a small one."""

REFUSED_IN_A_ROW = 3
"""Single names; after so many it is the server that refuses, not the names that are bad."""

CONFLICTS_IN_A_ROW = 4
CONFLICT_SECONDS = (0.02, 0.2)
"""A rest, where another writer and we go on refuting each other."""

_PREREQUISITES = frozenset((Rcode.YXDOMAIN, Rcode.YXRRSET, Rcode.NXRRSET, Rcode.NXDOMAIN))
_EVERYWHERE = frozenset((Rcode.NOTAUTH, Rcode.NOTIMP))

_uniform = SystemRandom().uniform


class Listener(Protocol):
    """Who is told how far it has got."""

    def answered(self) -> None:
        """Take in that a message had effect."""

    def progressed(self) -> None:
        """Take in that a message had effect, and that there is more to send."""

    def settled(self, serial: int) -> None:
        """Take in that there is nothing more to send, up to a version."""


class Writer:
    """Writes one domain. `hurry` asks for the whole zone to be read back soon."""

    def __init__(
        self,
        server: Server,
        domain: bytes,
        publication: Publication,
        ring: Callable[[], KeyRing],
        fence: Fence,
        hurry: Callable[[], None],
        listener: Listener,
        count: Callable[[str], None],
    ) -> None:
        self._server = server
        self._domain = domain
        self._publication = publication
        self._drafts = Drafts(publication)
        self._outcomes = Outcomes(publication)
        self._learning = Learning(publication)
        self._ring = ring
        self._fence = fence
        self._hurry = hurry
        self._listener = listener
        self._count = count
        self._wake = asyncio.Event()
        self._session: Session | None = None
        self._zone = b""
        self._used: KeyRing | None = None
        self._is_renewed = False
        self._is_proven = False  # a write was seen to have effect
        self._refused = 0
        self._conflicts = 0

    def wake(self) -> None:
        """Look for something to send."""
        self._wake.set()

    def renew(self) -> None:
        """Connect anew before the next message, with the keys that hold then."""
        self._is_renewed = True
        self._wake.set()

    def remark(self) -> str:
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
        while True:
            self._wake.clear()
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
        publication = self._publication
        if publication.unresolved:
            await self._resolve(session)
        await self._make_sure_that_we_lead()
        serial = publication.serial
        draft = self._drafts.draft(time.time())
        if draft is None and self._drafts.has_work:
            await asyncio.sleep(0)  # there was nothing to send in a good many units: on to the next ones
            return
        if draft is None:
            self._listener.settled(serial)
            await self._idle(session)
            return
        wire = compose(session.next_id(), self._zone, draft.parts)
        if len(wire) > MAX_OCTETS - SIGNATURE_OCTETS and self._drafts.split(draft):
            return
        await self._send(session, draft, wire)

    async def _idle(self, session: Session) -> None:
        """Wait until there is something to send, and keep the connection meanwhile."""
        while not self._drafts.is_due:
            try:
                async with asyncio.timeout(PROBE_SECONDS):
                    await self._wake.wait()
                return
            except TimeoutError:
                if not session.usable:
                    return
                await session.serial_of(self._zone)
                self._listener.answered()

    async def _send(self, session: Session, draft: Draft, wire: bytes) -> None:
        started = time.monotonic()
        try:
            answer = await session.send(wire, TIMEOUT_SECONDS + SECONDS_PER_RECORD * draft.record_count)
        except TsigError as error:
            if error.fault is TsigFault.BAD_KEY and error.by_peer:
                # Knot says so of a name that the key is not granted; the key itself was taken before.
                self._count("refused")
                self._take_apart(draft, Rcode.REFUSED)
                return
            self._count("refused" if error.by_peer else "unknown")
            self._outcomes.unknown(draft)
            raise
        except BaseException:
            self._count("unknown")
            self._outcomes.unknown(draft)
            raise
        rcode = answer.rcode
        if rcode == Rcode.NOERROR:
            await self._accepted(session, draft, time.monotonic() - started)
        elif rcode in _PREREQUISITES:
            self._count("conflict")
            await self._explain(session, draft, rcode)
        elif rcode in _EVERYWHERE:
            self._count("refused")
            self._outcomes.returned(draft)
            raise reasons.refusal(str(self._server), rcode, self._zone, session.key.name)
        else:
            self._count("refused")
            self._take_apart(draft, rcode)

    async def _accepted(self, session: Session, draft: Draft, seconds: float) -> None:
        if not self._is_proven:
            self._outcomes.unknown(draft)
            await self._resolve(session, is_acknowledged=True)
            if not self._outcomes.has_effect(draft):
                raise reasons.nothing_written(str(self._server), self._zone)
            self._is_proven = True
        else:
            self._outcomes.applied(draft)
        self._drafts.pace.took(draft.record_count, seconds)
        self._count("applied")
        self._refused = self._conflicts = 0
        self._listener.answered()
        if draft.is_last:
            self._listener.settled(draft.serial)
        else:
            self._listener.progressed()

    async def _make_sure_that_we_lead(self) -> None:
        """Ask, where the server has shown that somebody else may; raise our epoch above the others'."""
        publication, fence = self._publication, self._fence
        if not fence.leading:
            raise reasons.deposed()
        while publication.seen_epoch > fence.epoch or (
            publication.is_challenged and publication.seen_epoch == fence.epoch
        ):
            if not await fence.confirm():
                raise reasons.deposed()
            try:
                await fence.raise_epoch(publication.seen_epoch)
            except Exception as error:  # of the election's own kind
                raise reasons.deposed(str(error)) from error
        publication.is_challenged = False

    async def _resolve(self, session: Session, *, is_acknowledged: bool = False) -> None:
        """Find out what became of messages that were not answered, before anything else is written."""
        publication = self._publication
        parts = dict(publication.unresolved)
        for root, marker in (await read_markers(session, list(parts))).items():
            if not self._outcomes.resolved(root, marker, is_acknowledged=is_acknowledged):
                await self._read(session, root)
            elif not publication.differs(root, parts[root].after):
                self._listener.answered()
        if not publication.is_sure:
            self._hurry()

    async def _explain(self, session: Session, draft: Draft, rcode: int) -> None:
        """Find what has made a prerequisite fail, and take it in."""
        publication = self._publication
        markers = await read_markers(session, [part.root for part in draft.parts])
        guarded = {guard.owner: part.root for part in draft.parts for guard in part.guards}
        names = await read_names(session, guarded)
        found = self._outcomes.explain(draft, markers, names)
        if not found:
            self._take_apart(draft, rcode)
            return
        self._outcomes.returned(draft)
        for root in found:
            await self._read(session, root)
        if publication.is_challenged:
            self._hurry()
        self._conflicts += 1
        if self._conflicts >= CONFLICTS_IN_A_ROW:
            await asyncio.sleep(_uniform(*CONFLICT_SECONDS))

    async def _read(self, session: Session, root: bytes) -> None:
        # The marker first: if somebody writes in between, our next write will be refused, and this repeated.
        [marker] = (await read_markers(session, [root])).values()
        names = await read_names(session, self._publication.names_of(root))
        self._learning.reread(root, marker, names)
        if self._publication.is_unsure(root):
            self._hurry()

    def _take_apart(self, draft: Draft, rcode: int) -> None:
        """Send the halves of a message that the server doesn't take; leave out a single name."""
        if self._drafts.split(draft):
            return
        self._refused += 1
        self._outcomes.reject(draft, rcode)
        is_alone = not (self._is_proven or self._drafts.has_groups or self._publication.backlog)
        if self._refused >= REFUSED_IN_A_ROW or is_alone:
            self._drafts.gather()
            self._refused = 0
            key = self._session.key.name if self._session else ""
            raise reasons.refusal(str(self._server), rcode, self._zone, key)
