"""`GET /v1/drained?pod=<namespace>/<name>`: returns once nobody is told of a pod any more.

    ?timeout=30     how many seconds to wait for it, at most 60

That is when the pod has left our own DNS workers and every target, and the largest ttl of its records has
passed since, so that no cache has it either. It is made for preStop hooks.
"""

import asyncio
import re
from collections.abc import Iterator, Set
from itertools import islice

import msgspec
from aiohttp import web

from rollcall.model import Key, Pod, wait_seconds
from rollcall.propagation.drains import Drains, NotDrained, TargetsUnknown, UnknownPod
from rollcall.propagation.listener import Listener

from .refusal import refuse, refuse_unknown_parameters
from .waits import Waits

PATH = "/v1/drained"
DEFAULT_TIMEOUT = "30"

REST_SECONDS = 0.1
"""Between two looks at the pods on their way: there may be hundreds, and each change may be news to all."""

LOOKS_A_TURN = 50
"""At pods on their way, in one turn of the event loop: some tenths of a millisecond."""

RECHECK_SECONDS = 5.0
"""So often each is looked at without news: nobody tells that another replica leads."""

_POD = re.compile(r"([a-z0-9][a-z0-9-]{0,62})/([a-z0-9][a-z0-9.-]{0,252})")
_PARAMETERS = ("pod", "timeout")


class _Wait:
    """A request that waits for a pod."""

    __slots__ = ("is_underway", "news")

    def __init__(self) -> None:
        self.news = asyncio.Event()
        self.is_underway = False


class DrainWaits(Listener):
    """The requests that wait for pods to be drained; each is woken by what it waits for alone.

    That is something that happens to its pod, or, once the pod has left the answers, that all others know.
    """

    def __init__(self, drains: Drains) -> None:
        self._drains = drains
        self._waits: dict[Key, set[_Wait]] = {}
        self._look: asyncio.Handle | None = None
        self._has_more_news = False
        self._is_closed = False

    @property
    def is_synced(self) -> bool:
        """Whether the pods are known."""
        return self._drains.is_synced

    def on_pod(self, pod: Pod) -> None:
        """Wake those who wait for this pod."""
        self._wake(pod.key)

    def on_pod_removed(self, key: Key) -> None:
        """Wake those who wait for this pod."""
        self._wake(key)

    def on_turned(self, pods: Set[Key]) -> None:
        """Wake those who wait for these pods."""
        for key in self._waits.keys() & pods:
            self._wake(key)

    def on_progress(self) -> None:
        """Have the pods looked at that are on their way, in a moment."""
        if self._look is not None:
            self._has_more_news = True
        elif self._waits:
            self._look = asyncio.get_running_loop().call_later(REST_SECONDS, self._begin_to_look)

    def close(self) -> None:
        """Let those go who wait."""
        self._is_closed = True
        for key in self._waits:
            self._wake(key)

    async def wait(self, pod: Key, seconds: float) -> NotDrained | None:
        """Wait for a pod to be drained; return what it still has to wait for when the time is over.

        Raises:
            UnknownPod: there is no such pod.
            TargetsUnknown: ask another replica.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        wait = _Wait()
        self._waits.setdefault(pod, set()).add(wait)
        try:
            while True:
                wait.news.clear()
                now = loop.time()
                waits_for = self._drains.check(pod, now)
                if waits_for is None or waits_for.is_final or now >= deadline or self._is_closed:
                    return waits_for
                wait.is_underway = waits_for.is_underway
                pause = RECHECK_SECONDS if waits_for.seconds is None else waits_for.seconds
                try:
                    async with asyncio.timeout_at(min(deadline, now + pause)):
                        await wait.news.wait()
                except TimeoutError:
                    pass
        finally:
            self._waits[pod].discard(wait)
            if not self._waits[pod]:
                del self._waits[pod]

    def _wake(self, key: Key) -> None:
        for wait in self._waits.get(key, ()):
            wait.news.set()

    def _begin_to_look(self) -> None:
        self._has_more_news = False
        self._look_at(iter(tuple(self._waits)))

    def _look_at(self, keys: Iterator[Key]) -> None:
        """Wake those whose pod is no longer on its way, a few in each turn."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        some = list(islice(keys, LOOKS_A_TURN))
        for key in some:
            if any(wait.is_underway for wait in self._waits.get(key, ())) and self._has_news(key, now):
                self._wake(key)
        self._look = loop.call_soon(self._look_at, keys) if some else None
        if self._look is None and self._has_more_news:
            self.on_progress()

    def _has_news(self, key: Key, now: float) -> bool:
        try:
            waits_for = self._drains.check(key, now)
        except (UnknownPod, TargetsUnknown):
            return True
        return waits_for is None or not waits_for.is_underway


def add_drained_route(app: web.Application, drains: DrainWaits, waits: Waits) -> None:
    """Serve the page. At the application's shutdown, requests that wait get their answer."""

    async def get(request: web.Request) -> web.Response:
        return await _get(request, drains, waits)

    async def close(_: web.Application) -> None:
        drains.close()

    app.router.add_get(PATH, get)
    app.on_shutdown.append(close)


async def _get(request: web.Request, drains: DrainWaits, waits: Waits) -> web.Response:
    pod, seconds = _parameters(request)
    if not drains.is_synced:
        refuse(web.HTTPServiceUnavailable, "NotSynced", "Rollcall does not know the pods yet: ask again")
    try:
        with waits.slot(request, pod):
            waits_for = await drains.wait(pod, seconds)
    except UnknownPod:
        refuse(web.HTTPNotFound, "NotFound", f"there is no pod {pod}, and Rollcall remembers none")
    except TargetsUnknown:
        refuse(
            web.HTTPServiceUnavailable,
            "NotLeading",
            "another replica knows how far the targets are: ask again, the Service finds it",
        )
    if waits_for is not None and waits_for.is_final:
        refuse(web.HTTPConflict, "KeptUntilGone", f"the pod {pod} will not be drained: {waits_for.why}")
    if waits_for is not None:
        refuse(web.HTTPGatewayTimeout, "NotDrained", f"the pod {pod} is not drained: {waits_for.why}")
    body = msgspec.json.encode({"pod": str(pod), "drained": True}).decode()
    return web.Response(text=f"{body}\n", content_type="application/json")


def _parameters(request: web.Request) -> tuple[Key, float]:
    refuse_unknown_parameters(request, _PARAMETERS)
    found = _POD.fullmatch(request.query.get("pod", ""))
    if found is None:
        refuse(web.HTTPBadRequest, "InvalidPod", "write ?pod=NAMESPACE/NAME")
    timeout = request.query.get("timeout", DEFAULT_TIMEOUT)
    try:
        seconds = wait_seconds(f"{timeout}s" if timeout[-1:].isdigit() else timeout)
    except ValueError:
        refuse(web.HTTPBadRequest, "InvalidTimeout", "timeout: write a number of seconds, such as 30")
    return Key(found[1], found[2]), seconds
