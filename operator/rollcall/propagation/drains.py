"""`GET /v1/drained?pod=<namespace>/<name>`: returns once nobody is told of a pod any more.

    ?timeout=30     how many seconds to wait for it, at most 60

That is when the pod has left our own DNS workers and every target, and the largest ttl of its records has
passed since, so that no cache has it either. It is made for preStop hooks.
"""

import asyncio
import re
from collections.abc import Callable
from typing import NoReturn

import msgspec
from aiohttp import web

from rollcall.directory import Directory
from rollcall.model import Key, wait_seconds

from .tracker import Presence

PATH = "/v1/drained"
DEFAULT_TIMEOUT = "30"
RETRY_AFTER_SECONDS = 1

REST_SECONDS = 0.1
"""Between two looks at one pod: thousands may drain at once, while every change is news to all of them."""

_POD = re.compile(r"([a-z0-9][a-z0-9-]{0,62})/([a-z0-9][a-z0-9.-]{0,252})")
_PARAMETERS = ("pod", "timeout")


class Unknown(Exception):
    """There is no such pod, and there was none."""


class NotLeading(Exception):
    """How far the targets are is known to another replica only."""


class Waiting(msgspec.Struct, frozen=True):
    """Why a pod isn't drained. `seconds` is how long it takes yet, None where that isn't known."""

    why: str
    seconds: float | None = None


class Drains:
    """Waits for pods to be drained. `leads` says whether this replica is the one that writes to targets."""

    def __init__(self, directory: Directory, presence: Presence, leads: Callable[[], bool]) -> None:
        self._directory = directory
        self._presence = presence
        self._leads = leads
        self._news: asyncio.Event | None = None
        self.synced = False
        self.closed = False

    def changed(self) -> None:
        """Take in that a pod left, or that somebody has got on."""
        if self._news is not None:
            self._news.set()
            self._news = None

    def close(self) -> None:
        """Let those who wait go."""
        self.closed = True
        self.changed()

    def look(self, pod: Key, now: float) -> Waiting | None:
        """Return what a pod has to wait for, None where it is drained. `now` as the event loop has it.

        Raises:
            Unknown: there is no such pod.
            NotLeading: ask another replica.
        """
        instances = self._directory.instances_of(pod)
        if instances is None and not self._presence.is_gone(pod):
            raise Unknown
        if any(instance.available for instance in instances or ()):
            return Waiting("it is in the answers, as it is neither being deleted nor drained")
        step = self._presence.step(pod)
        if step.since is None and self._presence.has_targets(step) and not self._leads():
            raise NotLeading
        since = self._presence.since(step, now)
        if since is None:
            behind = ", ".join(sorted(set(self._presence.behind(step)))) or "a DNS worker"
            return Waiting(f"it is still answered by {behind}")
        left = since + step.ttl - now
        return Waiting(f"caches may have it for {left:.1f} s more", left) if left > 0 else None

    async def wait(self, pod: Key, seconds: float) -> Waiting | None:
        """Wait for a pod to be drained; return what it still has to wait for when the time is over.

        Raises:
            Unknown: there is no such pod.
            NotLeading: ask another replica.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            news = self._news = self._news or asyncio.Event()
            now = loop.time()
            waiting = self.look(pod, now)
            if waiting is None or now >= deadline or self.closed:
                return waiting
            until = deadline if waiting.seconds is None else min(deadline, now + waiting.seconds)
            try:
                async with asyncio.timeout_at(until):
                    await news.wait()
                    await asyncio.sleep(REST_SECONDS)
            except TimeoutError:
                pass


def add_drained_route(app: web.Application, drains: Drains) -> None:
    """Serve the page. At the application's shutdown, requests that wait get their answer."""

    async def get(request: web.Request) -> web.Response:
        return await _get(request, drains)

    async def close(_: web.Application) -> None:
        drains.close()

    app.router.add_get(PATH, get)
    app.on_shutdown.append(close)


async def _get(request: web.Request, drains: Drains) -> web.Response:
    pod, seconds = _parameters(request)
    if not drains.synced:
        _refuse(web.HTTPServiceUnavailable, "NotSynced", "Rollcall does not know the pods yet: ask again")
    try:
        waiting = await drains.wait(pod, seconds)
    except Unknown:
        _refuse(web.HTTPNotFound, "NotFound", f"there is no pod {pod}, and Rollcall remembers none")
    except NotLeading:
        _refuse(
            web.HTTPServiceUnavailable,
            "NotLeading",
            "another replica knows how far the targets are: ask again, the Service finds it",
        )
    if waiting is not None:
        _refuse(web.HTTPGatewayTimeout, "NotDrained", f"the pod {pod} is not drained: {waiting.why}")
    body = msgspec.json.encode({"pod": str(pod), "drained": True}).decode()
    return web.Response(text=f"{body}\n", content_type="application/json")


def _parameters(request: web.Request) -> tuple[Key, float]:
    for name in request.query:
        if name not in _PARAMETERS:
            _refuse(web.HTTPBadRequest, "UnknownParameter", f"{name[:32]!r}: this page takes pod and timeout")
    found = _POD.fullmatch(request.query.get("pod", ""))
    if found is None:
        _refuse(web.HTTPBadRequest, "InvalidPod", "write ?pod=NAMESPACE/NAME")
    timeout = request.query.get("timeout", DEFAULT_TIMEOUT)
    try:
        seconds = wait_seconds(f"{timeout}s" if timeout[-1:].isdigit() else timeout)
    except ValueError:
        _refuse(web.HTTPBadRequest, "InvalidTimeout", "timeout: write a number of seconds, such as 30")
    return Key(found[1], found[2]), seconds


def _refuse(kind: type[web.HTTPException], reason: str, message: str) -> NoReturn:
    """Answer with an error. 503 and 504 pass: curl --retry asks again after them."""
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if kind is web.HTTPServiceUnavailable else None
    body = msgspec.json.encode({"error": reason, "message": message}).decode()
    raise kind(text=f"{body}\n", content_type="application/json", headers=headers)
