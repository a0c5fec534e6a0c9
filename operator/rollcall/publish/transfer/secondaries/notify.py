"""NOTIFY (RFC 1996): tells a secondary that a zone has a new version.

The first version after rest is told at once, those that follow at most each 100 ms; what isn't answered is
repeated after 1, 2, 4 .. 60 s. A newer version begins that anew. A secondary that is silent or refuses gets
new versions less often, so that many changes are not a flood.
"""

import asyncio
import contextlib
import math
from collections.abc import Callable
from random import Random

from rollcall.dnswire.errors import MalformedMessage, TsigError, TsigFault
from rollcall.dnswire.header import AA, Opcode, Rcode, flags_of
from rollcall.dnswire.message import Message, Question, message, question, record
from rollcall.dnswire.names import QUESTION_NAME
from rollcall.dnswire.tsig import Chain, sign, verify
from rollcall.dnswire.types import IN, Type
from rollcall.kube.backoff import jittered
from rollcall.model import KeyRing, TsigKey

from ..journal.journal import Head
from .exchange import Exchange, ServerAddress, Waiting
from .reasons import Diagnosis, SecondaryReason, of_notify, of_signature

COALESCE_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 60.0
SILENT_SECONDS = 1.0
"""Between versions, where the last ones were not answered."""
REFUSED_SECONDS = 5.0
"""Between versions, where the last one was refused."""

_FIRST_WAIT_SECONDS = 1.0
_FIRST_REMINDER_SECONDS = 5.0
_SILENT_AFTER = 3

_NO_KEY = Diagnosis(
    SecondaryReason.NO_KEY,
    "There is no NOTIFY, as the Secret of keySecret holds no key that can be used: put one under `key` as "
    "ALGORITHM:NAME:SECRET.",
)


class Notifier:
    """Tells one secondary of one zone's versions. Use it within one event loop.

    `head` gives the zone's current version, None while there is none. `count` takes the outcome of each
    message: sent, answered, refused, unanswered. `on_told` is called when there was a response, or one is
    overdue.
    """

    def __init__(
        self,
        apex: bytes,
        endpoint: ServerAddress,
        exchange: Exchange,
        head: Callable[[], Head | None],
        count: Callable[[str], None],
        on_told: Callable[[], None],
        random: Random,
    ) -> None:
        self.trouble: Diagnosis | None = None
        self._question = Question(apex, Type.SOA, IN)
        self._endpoint = endpoint
        self._exchange = exchange
        self._head = head
        self._count = count
        self._on_told = on_told
        self._random = random
        self._keys: tuple[TsigKey | None, ...] = (None,)
        self._key = 0
        self._key_is_retried = False
        self._wake = asyncio.Event()
        self._version = 0
        self._due: float | None = None
        self._attempt = 0
        self._reminders = 0
        self._sent = -math.inf
        self._unanswered = 0
        self._waiting: list[Waiting] = []

    @property
    def is_silent(self) -> bool:
        """Whether the last message has not been answered, and more than one was sent."""
        return self._unanswered > 1

    def use_keys(self, ring: KeyRing | None, *, is_unsigned: bool) -> None:
        """Sign with these keys from now on; without a ring not at all, if it `is_unsigned` on purpose."""
        keys = ring.keys if ring else (None,) if is_unsigned else ()
        if keys == self._keys:
            return
        self._keys, self._key, self._key_is_retried = keys, 0, False
        self.trouble = None if keys else _NO_KEY
        self.announce()

    def announce(self) -> None:
        """Tell of the current version, which is new."""
        self._version += 1
        self._attempt = self._reminders = 0
        self._schedule(self._sent + self._interval())

    def settle(self) -> None:
        """Stop repeating: the secondary has been seen to have the current version.

        What is refused is repeated nevertheless: somebody is to hear whether it is taken at last.
        """
        if self.trouble is None:
            self._due = None
            self._forget()
            self._wake.set()

    def remind(self) -> None:
        """Tell it once more, some time after its answer: it has been seen not to have the current version."""
        wait = min(_FIRST_REMINDER_SECONDS * 2**self._reminders, LONGEST_WAIT_SECONDS)
        if self._due is None and self._sent + wait <= asyncio.get_running_loop().time():
            self._reminders += 1
            self._schedule(0)

    async def run(self) -> None:
        """Send what is due, until cancelled."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                self._wake.clear()
                try:
                    async with asyncio.timeout_at(self._due):
                        await self._wake.wait()
                except TimeoutError:
                    if self._due is not None:  # it may have been settled in this very turn
                        self._send(loop.time())
        finally:
            self._forget()

    def _schedule(self, when: float) -> None:
        self._due = when if self._due is None else min(when, self._due)
        self._wake.set()

    def _interval(self) -> float:
        if self.trouble is not None:
            return REFUSED_SECONDS
        return SILENT_SECONDS if self._unanswered >= _SILENT_AFTER else COALESCE_SECONDS

    def _send(self, now: float) -> None:
        self._due = None
        head = self._head()
        if head is None or not self._keys:
            return  # the first version will call `announce`, a key `use_keys`
        if self._attempt and self._waiting:
            self._count("unanswered")
        key, version = self._keys[self._key], self._version
        mac = b""

        def on_answer(wire: bytes, reply: Message) -> None:
            self._waiting.remove(waiting)
            self._on_answer(version, self._judge(key, mac, wire, reply))

        waiting = self._exchange.expect(self._endpoint, Opcode.NOTIFY, self._question, on_answer)
        wire = message(
            waiting.ident,
            flags_of(Opcode.NOTIFY, AA),
            [question(*self._question)],
            [record(QUESTION_NAME, Type.SOA, IN, head.soa_ttl, head.soa)],
        )
        if key is not None:
            wire, mac, _ = sign(wire, key)
        self._waiting.append(waiting)
        for late in self._waiting[:-_SILENT_AFTER]:  # a response to an earlier one is as good, up to a point
            self._exchange.forget(late)
        del self._waiting[:-_SILENT_AFTER]
        with contextlib.suppress(OSError):  # no way to it, or no room in the socket: as good as lost
            self._exchange.send(wire, self._endpoint)
        self._count("sent")
        if self._unanswered:
            self._on_told()  # it may know nevertheless: its answers may get lost, or it may give none
        self._sent = now
        self._unanswered += 1
        self._due = now + self._wait()
        self._attempt += 1

    def _wait(self) -> float:
        """Return the seconds until the same version is announced again."""
        wait = LONGEST_WAIT_SECONDS
        if self.trouble is None and self._attempt < 6:
            wait = _FIRST_WAIT_SECONDS * 2**self._attempt
        return jittered(wait, self._random.uniform)

    def _on_answer(self, version: int, trouble: Diagnosis | None) -> None:
        self._unanswered = 0
        is_newest = version == self._version
        if trouble is None:
            self._count("answered")
            self.trouble = None
            self._key_is_retried = False
            if is_newest:
                self.settle()
        else:
            self._count("refused")
            self._refused(trouble, is_newest)
        self._on_told()

    def _refused(self, trouble: Diagnosis, is_newest: bool) -> None:
        if len(self._keys) > 1 and not self._key_is_retried:
            self._key_is_retried = True
            self._key = 1 - self._key
            self._schedule(0)
            return
        self._key_is_retried = False
        self.trouble = trouble
        if is_newest:
            self._forget()
            self._due = self._sent + self._wait()
            self._wake.set()

    def _judge(self, key: TsigKey | None, mac: bytes, wire: bytes, reply: Message) -> Diagnosis | None:
        if key is not None and reply.tsig:
            try:
                verify(wire, reply, [key], Chain(mac))
            except TsigError as error:
                return of_signature(error, "NOTIFY")
            except MalformedMessage:
                return of_signature(TsigError(TsigFault.BAD_SIGNATURE), "NOTIFY")
        # Some sign no answer to NOTIFY. A forged one wins nothing: the SOA shows whether it was told.
        return of_notify(reply.rcode) if reply.rcode != Rcode.NOERROR else None

    def _forget(self) -> None:
        for waiting in self._waiting:
            self._exchange.forget(waiting)
        self._waiting.clear()
