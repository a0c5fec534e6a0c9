"""Posts Kubernetes Events about transitions, on the object and, for a ServiceInstance, on its Service.

They are Events of core/v1: `kubectl describe` reads those. An Event is a courtesy: it is posted once, what
can't be posted is dropped with a line in the log, and nothing ever waits for one.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Never
from uuid import uuid4

from rollcall.kube.errors import KubeError
from rollcall.kube.paths import api_path
from rollcall.model import API_VERSION, Key, rfc3339
from rollcall.model.wording import counted

from .api import CreateApi
from .conditions import DETAIL_LIMIT
from .kinds import Kind, ObjectRef
from .status_writer import Written
from .transitions import Transition, transitions

log = logging.getLogger(__name__)

COMPONENT = "rollcall"

OBJECT_BURST = 10
OBJECT_REFILL_SECONDS = 60.0
"""Of one object at most a burst, then one in this time: a service that flaps must not flood."""

BURST = 100
REFILL_SECONDS = 0.1
"""Of all objects together: a first start with thousands of services must not flood either."""

NAMESPACE_BURST = 50
NAMESPACE_REFILL_SECONDS = 0.2
"""Of the objects of one namespace: half of that, the rest is for others."""

MAX_WAITING = 1000
CONCURRENCY = 2
LOG_SECONDS = 60.0

_NAME_LIMIT = 220  # of 253, so that the unique part fits in
_CLUSTER_NAMESPACE = "default"  # where Events about objects without a namespace are kept

Clock = Callable[[], float]


class EventRecorder:
    """Posts what status writes tell.

    `service_uid` gives the uid of the Service of a name, None where there is none. `instance` names this
    process, as in the lease. `unix_time` is for the Events, `clock` (seconds, monotonic) for their rate.
    """

    def __init__(
        self,
        api: CreateApi,
        service_uid: Callable[[Key], str | None],
        *,
        instance: str,
        unix_time: Clock = time.time,
        clock: Clock = time.monotonic,
    ) -> None:
        self._api = api
        self._service_uid = service_uid
        self._instance = instance
        self._unix_time = unix_time
        self._clock = clock
        self._all = _Bucket(BURST, REFILL_SECONDS, clock())
        self._buckets: dict[str, _Bucket] = {}
        self._namespaces: dict[str, _Bucket] = {}
        self._waiting: deque[dict[str, Any]] = deque()
        self._wake = asyncio.Event()
        self._dropped = 0
        self._told_dropped_at = float("-inf")
        self._told_failures: set[str] = set()

    def record(self, written: Written) -> None:
        """Queue the Events that a status write is worth."""
        for transition in transitions(written.before, written.after):
            kind, key = written.ref
            self._put(_reference(API_VERSION, kind, key, written.uid), transition)
            if kind is Kind.SERVICE_INSTANCE and (uid := self._service_uid(key)):
                self._put(_reference("v1", "Service", key, uid), transition)

    def tell(self, ref: ObjectRef, uid: str, transition: Transition) -> None:
        """Queue an Event about an object whose status is not ours to write."""
        self._put(_reference(API_VERSION, ref.kind, ref.key, uid), transition)

    async def run(self) -> Never:
        """Post until cancelled."""
        async with asyncio.TaskGroup() as group:
            for number in range(CONCURRENCY):
                group.create_task(self._post_all(), name=f"events {number}")
            while True:
                await asyncio.sleep(OBJECT_REFILL_SECONDS)
                self._forget_quiet()

    def _put(self, reference: dict[str, str], transition: Transition) -> None:
        now = self._clock()
        bucket = self._buckets.setdefault(reference["uid"], _Bucket(OBJECT_BURST, OBJECT_REFILL_SECONDS, now))
        if not bucket.take_token(now):
            log.debug("event %s of %s %s dropped: too many", transition.reason, *_name(reference))
            return
        namespace = self._namespaces.setdefault(
            reference.get("namespace", ""), _Bucket(NAMESPACE_BURST, NAMESPACE_REFILL_SECONDS, now)
        )
        is_full = len(self._waiting) >= MAX_WAITING
        if is_full or not namespace.take_token(now) or not self._all.take_token(now):
            self._tell_dropped(now)
            return
        self._waiting.append(self._event(reference, transition))
        self._wake.set()

    def _event(self, reference: dict[str, str], transition: Transition) -> dict[str, Any]:
        when = rfc3339(self._unix_time())
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{reference['name'][:_NAME_LIMIT]}.{uuid4().hex[:16]}",
                "namespace": reference.get("namespace", _CLUSTER_NAMESPACE),
            },
            "involvedObject": reference,
            "type": transition.type,
            "reason": transition.reason,
            "message": transition.message[:DETAIL_LIMIT],
            "firstTimestamp": when,
            "lastTimestamp": when,
            "count": 1,
            "source": {"component": COMPONENT},
            "reportingComponent": COMPONENT,
            "reportingInstance": self._instance,
        }

    async def _post_all(self) -> Never:
        while True:
            while not self._waiting:
                self._wake.clear()
                await self._wake.wait()
            event = self._waiting.popleft()
            path = api_path("v1", "events", namespace=event["metadata"]["namespace"])
            try:
                await self._api.create(path, event)
            except KubeError as error:
                self._tell_failure(event, error)

    def _tell_failure(self, event: Mapping[str, Any], error: KubeError) -> None:
        """Say once of each kind of failure what it was; the objects that it hits may be many."""
        kind = type(error).__name__
        level = logging.DEBUG if kind in self._told_failures else logging.WARNING
        self._told_failures.add(kind)
        reference = _name(event["involvedObject"])
        log.log(level, "event %s of %s %s can't be posted: %s", event["reason"], *reference, error)

    def _tell_dropped(self, now: float) -> None:
        self._dropped += 1
        if now - self._told_dropped_at >= LOG_SECONDS:
            self._told_dropped_at = now
            dropped = counted(self._dropped, "event is", "events are")
            log.info("%s dropped: so many of them would flood the API server", dropped)
            self._dropped = 0

    def _forget_quiet(self) -> None:
        now = self._clock()
        for buckets in (self._buckets, self._namespaces):
            for each in [each for each, bucket in buckets.items() if bucket.is_full(now)]:
                del buckets[each]


class _Bucket:
    """A token bucket: full with `burst`, one more in each `refill_seconds`."""

    __slots__ = ("_at", "_burst", "_refill_seconds", "_tokens")

    def __init__(self, burst: int, refill_seconds: float, now: float) -> None:
        self._burst = burst
        self._refill_seconds = refill_seconds
        self._tokens = float(burst)
        self._at = now

    def take_token(self, now: float) -> bool:
        """Take a token, if there is one."""
        self._fill(now)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def is_full(self, now: float) -> bool:
        """Whether it remembers nothing."""
        self._fill(now)
        return self._tokens >= self._burst

    def _fill(self, now: float) -> None:
        self._tokens = min(self._burst, self._tokens + (now - self._at) / self._refill_seconds)
        self._at = now


def _reference(api_version: str, kind: str, key: Key, uid: str) -> dict[str, str]:
    reference = {"apiVersion": api_version, "kind": str(kind), "name": key.name, "uid": uid}
    if key.namespace:
        reference["namespace"] = key.namespace
    return reference


def _name(reference: Mapping[str, str]) -> tuple[str, str]:
    return reference["kind"], str(Key(reference.get("namespace", ""), reference["name"])).lstrip("/")
