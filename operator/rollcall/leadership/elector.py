"""Who writes: one replica at a time, by a Lease (coordination.k8s.io/v1).

Our own, for what must hold when the API server is slow, away, or when this very process was stopped:

- Clocks of two machines are never compared. The holder counts from the moment before it sent its last
  renewal; the others from the moment after they saw the Lease change. A holder is out a renew deadline after
  the former, nobody else is in before a lease duration after the latter, and that is longer (`LeaseTimes`).
- Whether we lead is computed when it is asked. A process that was stopped and goes on finds itself out
  before any timer of it has run.
- Every request has a time limit, which ends with the leadership at the latest. Every write names the
  resourceVersion that it is based on: of two writers one is refused.
- What leaders do is cancelled and has ended before we say that we don't lead, and before we let the Lease go.
- Each term has an epoch of its own, higher than all before: the Lease's `leaseTransitions`.

A Lease is for liveness. It can't stop a write that is under way; those to DNS servers carry their epoch.
"""

import asyncio
import logging
import secrets
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Never

from rollcall.kube.backoff import CONFLICTS, RESOLUTION_SECONDS, Uniform, uniform
from rollcall.kube.errors import AlreadyExists, ApiError, Conflict, KubeError, NotFound, Unreachable
from rollcall.model.lease_times import JITTER, LeaseTimes

from .lease import MAX_TRANSITIONS, LeaseApi, LeaseSpec, StoredLease

log = logging.getLogger(__name__)

RELEASE_SECONDS = 3.0
"""At the end the Lease is let go of in this time, or left to run out."""

REQUEST_SHARE = 0.4
"""Of the time in which a renewal must succeed: what one request may take, so that another can follow."""

MAX_RETRY_AFTER_SECONDS = 30.0

Lead = Callable[[int], Awaitable[None]]
"""What a leader does, from the epoch in which it begins until it is cancelled."""


class NotLeading(Exception):
    """Something was asked for that only a leader can do, or we could not make sure that we are the leader."""


def boot_seconds() -> float:
    """Return the time on a clock that nobody sets, and that goes on while the machine sleeps (on Linux)."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def holder_identity() -> str:
    """Make an identity that no other process has: a container that starts again is another holder."""
    return f"{socket.gethostname()}_{secrets.token_hex(4)}"


class Elector:
    """Takes part in the election, and runs `lead` while we are the leader.

    `lead` gets the epoch, and is cancelled when leadership is lost. If it ends or raises, the Lease is let
    go of, and we take part again.

    Attributes, for reading only:
        epoch: that of our term, or of our last one; what others do never changes it. 0 before the first.
        terms: how often we became the leader.
        trouble: the error that we are retrying after, None while all is well.
    """

    def __init__(
        self,
        api: LeaseApi,
        namespace: str,
        name: str,
        identity: str,
        lead: Lead,
        times: LeaseTimes,
        *,
        clock: Callable[[], float] = boot_seconds,
        draw: Uniform = uniform,
    ) -> None:
        self.epoch = 0
        self.terms = 0
        self.trouble: KubeError | None = None
        self._name = f"Lease {namespace}/{name}"
        self._identity = identity
        self._lead = lead
        self._times = times
        self._clock = clock
        self._draw = draw
        self._lease = StoredLease(api, namespace, name)
        self._requests = asyncio.Lock()  # each is based on the outcome of the previous one
        self._seen = LeaseSpec()
        self._seen_at = 0.0
        self._highest = 0  # of the epochs of all
        self._over = asyncio.Event()  # set where there is no term
        self._over.set()
        self._why_over = ""
        self._writes = 0
        self._succeeded = 0  # the number of the last write that did
        self._held_since = float("-inf")
        self._deadline = float("-inf")
        self._retry_after_seconds = 0.0

    @property
    def leading(self) -> bool:
        """Whether we lead, at this moment."""
        return not self._over.is_set() and self._clock() < self._deadline

    @property
    def holder(self) -> str:
        """Who held the Lease when we last heard of it; "" is nobody."""
        return self._lease.holder

    async def run(self) -> Never:
        """Take part until cancelled; then end what the leader does, and let the Lease go."""
        while True:
            await self._campaign()
            await self._term()
            await asyncio.sleep(self._wait_seconds())

    async def confirm(self) -> bool:
        """Ask the API server whether we lead, by a renewal that is sent after this call.

        All who ask while one is under way share the next. False also where there is no answer.
        """
        before = self._writes
        async with self._requests:
            if self.leading and self._succeeded > before:
                return True
            return await self._renew(self.epoch)

    async def raise_epoch(self, above: int) -> int:
        """Lift our epoch above one that was seen somewhere; return it.

        Raises:
            NotLeading: we don't lead, the API server didn't confirm it, or there is no higher epoch.
        """
        if above >= MAX_TRANSITIONS:
            raise NotLeading(f"{self._name}: no epoch is above {above}")
        async with self._requests:
            if not self.leading:
                raise NotLeading(f"{self._name}: {self.holder or 'nobody'} holds it")
            if self.epoch <= above and not await self._renew(above + 1):
                raise NotLeading(f"{self._name}: the epoch was not raised: {self.trouble or self._why_over}")
            return self.epoch

    # --- becoming the leader -----------------------------------------------------------------------------

    async def _campaign(self) -> None:
        """Try until the Lease is ours."""
        while True:
            try:
                async with self._requests:
                    if await self._acquire():
                        return
            except KubeError as error:
                self._failed(error)
            await asyncio.sleep(self._wait_seconds())

    async def _acquire(self) -> bool:
        """Take the Lease if it is free."""
        await self._read()
        self._recovered()
        if not self._is_free():
            return False
        try:
            await self._write(min(self._highest + 1, MAX_TRANSITIONS), acquiring=True)
        except (Conflict, AlreadyExists):
            return False  # somebody was faster
        self._over.clear()
        self.terms += 1
        return True

    def _is_free(self) -> bool:
        """Whether nobody holds the Lease, or its holder has not renewed it for as long as it promised to.

        One that was deleted is not free at once: its holder may still think so.
        """
        if self._seen.holder in ("", self._identity):
            return True
        seconds = self._seen.lease_duration_seconds or self._times.duration_seconds
        return self._clock() - self._seen_at >= seconds

    # --- being the leader --------------------------------------------------------------------------------

    async def _term(self) -> None:
        """Lead until leadership is lost, or until what we do has ended."""
        log.info("%s: leading, epoch %d", self._name, self.epoch)
        try:
            async with asyncio.TaskGroup() as group:
                work = group.create_task(self._work(), name="leader")
                try:
                    await self._hold()
                finally:
                    self._end_term("Rollcall ends")
                    work.cancel()
        finally:
            log.info("%s: no longer leading: %s", self._name, self._why_over)
            if self._clock() - self._held_since > self._times.duration_seconds:
                log.error("%s: others may have led before what we did had ended", self._name)
            with suppress(KubeError, TimeoutError):
                async with asyncio.timeout(RELEASE_SECONDS), self._requests:
                    await self._release()

    async def _work(self) -> None:
        await at_work(self._lead, self.epoch)
        self._end_term("what the leader does has ended")

    async def _hold(self) -> None:
        """Renew the Lease until the term is over."""
        while self.leading:
            left_seconds = self._deadline - self._clock() + RESOLUTION_SECONDS
            try:
                async with asyncio.timeout(min(self._wait_seconds(), left_seconds)):
                    await self._over.wait()
            except TimeoutError:
                async with self._requests:
                    await self._renew(self.epoch)
        self._end_term(
            f"not renewed in {self._times.renew_deadline_seconds:g} s: {self.trouble or 'we stood still'}"
        )

    def _end_term(self, why: str) -> None:
        """From here on we don't lead, whatever the answer to a renewal that is under way."""
        if not self._over.is_set():
            self._why_over = why
            self._over.set()

    async def _renew(self, epoch: int) -> bool:
        """Write into the Lease that we hold it; return whether we do. A failure doesn't end the term."""
        try:
            for _ in range(CONFLICTS):
                if not self.leading:
                    return False
                try:
                    await self._write(max(epoch, self.epoch))
                except (Conflict, AlreadyExists, NotFound) as error:
                    if isinstance(error, NotFound) and self._lease.spec is None:
                        raise  # the namespace does not exist, or no longer
                    await self._read()
                    if self._lease.spec is not None and self.holder != self._identity:
                        self._end_term(f"{self.holder or 'nobody'} holds it now")
                        return False
                else:
                    self._recovered()
                    return self.leading
            raise Unreachable("it changes all the time")
        except KubeError as error:
            self._failed(error)
            return False

    async def _release(self) -> None:
        """Let the Lease go, if it is ours, so that others need not wait until it has run out."""
        for _ in range(CONFLICTS):
            if self.holder != self._identity:
                return
            try:
                fields = {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": self._lease.stamp()}
                await self._lease.write(fields, RELEASE_SECONDS)
            except Conflict:  # a renewal of ours had effect after all
                await self._read()
            else:
                return

    # --- requests ----------------------------------------------------------------------------------------

    async def _read(self) -> None:
        """Read the Lease; if it has changed, its time counts from now."""
        await self._lease.read(self._request_seconds())
        spec = self._lease.spec
        if spec is None:
            return
        self._highest = max(self._highest, spec.transitions)
        if spec.holder == self._identity:
            self.epoch = max(self.epoch, spec.transitions)  # of a write whose outcome we didn't know
        if spec != self._seen:
            if spec.holder not in ("", self._identity, self._seen.holder):
                log.info("%s: %s leads", self._name, spec.holder)
            self._seen, self._seen_at = spec, self._clock()

    async def _write(self, epoch: int, *, acquiring: bool = False) -> None:
        """Write that we hold the Lease: it is ours for a while from the moment before."""
        self._writes += 1
        number, since = self._writes, self._clock()
        fields: dict[str, Any] = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(self._times.duration_seconds),
            "renewTime": self._lease.stamp(),
            "leaseTransitions": epoch,
        }
        if acquiring or self._lease.spec is None:
            fields["acquireTime"] = fields["renewTime"]
        await self._lease.write(fields, self._request_seconds())
        self.epoch = epoch
        self._highest = max(self._highest, epoch)
        self._succeeded, self._held_since = number, since
        self._deadline = since + self._times.renew_deadline_seconds

    def _request_seconds(self) -> float:
        seconds = self._times.renew_deadline_seconds * REQUEST_SHARE
        return seconds if self._over.is_set() else min(seconds, self._deadline - self._clock())

    def _failed(self, error: KubeError) -> None:
        if type(error) is not type(self.trouble):
            log.warning("%s: trying again until it works: %s", self._name, error)
        self.trouble = error
        asked = error.retry_after_seconds if isinstance(error, ApiError) else None
        self._retry_after_seconds = min(asked or 0.0, MAX_RETRY_AFTER_SECONDS)

    def _recovered(self) -> None:
        self.trouble = None
        self._retry_after_seconds = 0.0

    def _wait_seconds(self) -> float:
        return max(self._times.retry_period_seconds, self._retry_after_seconds) * self._draw(*JITTER)


async def at_work(lead: Lead, epoch: int) -> None:
    """Do what a leader does. What it raises is a defect of ours: it is said, and the process goes on."""
    try:
        await lead(epoch)
    except Exception:
        log.exception("what the leader does broke")
