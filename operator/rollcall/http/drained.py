"""`GET /v1/drained?pod=<namespace>/<name>`: returns once nobody is told of a pod any more.

    ?timeout=30     how many seconds to wait for it, at most 60

That is when the pod has left our own DNS workers and every target, and the largest ttl of its records has
passed since, so that no cache has it either. It is made for preStop hooks.
"""

import asyncio
import re
from collections.abc import Set

import msgspec
from aiohttp import web

from rollcall.model import Key, wait_seconds
from rollcall.propagation.drains import Drains, NotDrained, NotLeading, UnknownPod
from rollcall.propagation.listener import Listener

from .refusal import refuse, refuse_unknown_parameters

PATH = "/v1/drained"
DEFAULT_TIMEOUT = "30"

REST_SECONDS = 0.1
"""Between two looks at one pod: thousands may drain at once, while every change is news to all of them."""

_POD = re.compile(r"([a-z0-9][a-z0-9-]{0,62})/([a-z0-9][a-z0-9.-]{0,252})")
_PARAMETERS = ("pod", "timeout")


class DrainWaits(Listener):
    """The requests that wait for pods to be drained; they look whenever there is news."""

    def __init__(self, drains: Drains) -> None:
        self._drains = drains
        self._news: asyncio.Event | None = None
        self._is_closed = False

    @property
    def is_synced(self) -> bool:
        """Whether the pods are known."""
        return self._drains.is_synced

    def on_turned(self, pods: Set[Key]) -> None:
        """Have those look who wait."""
        self.on_progress()

    def on_progress(self) -> None:
        """Have those look who wait."""
        if self._news is not None:
            self._news.set()
            self._news = None

    def close(self) -> None:
        """Let those go who wait."""
        self._is_closed = True
        self.on_progress()

    async def wait(self, pod: Key, seconds: float) -> NotDrained | None:
        """Wait for a pod to be drained; return what it still has to wait for when the time is over.

        Raises:
            UnknownPod: there is no such pod.
            NotLeading: ask another replica.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            news = self._news = self._news or asyncio.Event()
            now = loop.time()
            waits_for = self._drains.check(pod, now)
            if waits_for is None or waits_for.is_final or now >= deadline or self._is_closed:
                return waits_for
            until = deadline if waits_for.seconds is None else min(deadline, now + waits_for.seconds)
            try:
                async with asyncio.timeout_at(until):
                    await news.wait()
                    await asyncio.sleep(REST_SECONDS)
            except TimeoutError:
                pass


def add_drained_route(app: web.Application, waits: DrainWaits) -> None:
    """Serve the page. At the application's shutdown, requests that wait get their answer."""

    async def get(request: web.Request) -> web.Response:
        return await _get(request, waits)

    async def close(_: web.Application) -> None:
        waits.close()

    app.router.add_get(PATH, get)
    app.on_shutdown.append(close)


async def _get(request: web.Request, waits: DrainWaits) -> web.Response:
    pod, seconds = _parameters(request)
    if not waits.is_synced:
        refuse(web.HTTPServiceUnavailable, "NotSynced", "Rollcall does not know the pods yet: ask again")
    try:
        waits_for = await waits.wait(pod, seconds)
    except UnknownPod:
        refuse(web.HTTPNotFound, "NotFound", f"there is no pod {pod}, and Rollcall remembers none")
    except NotLeading:
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
