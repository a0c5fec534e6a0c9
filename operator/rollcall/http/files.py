"""`GET /v1/files/<namespace>/<name>`: the renderings over HTTP, for those who can't wait for a mount.

    ?part=2     the second part, or that of a key of the ConfigMap: `?part=targets.2.json`
    ?wait=30s   with If-None-Match: answer when the rendering changes, or 304 after the wait (at most 60 s)

An answer is never empty for want of knowledge: until the first sync it is the snapshot's, or a 503.
"""

import asyncio

from aiohttp import web

from rollcall.model import Key, wait_seconds
from rollcall.publish.file_store import Current, FileStore, NotSynced, UnknownFile
from rollcall.publish.files import CannotRender, Rendering

from .bodies import Bodies, Pieces
from .refusal import refuse, refuse_unknown_parameters
from .waits import Waits

PATH = "/v1/files/{namespace}/{name}"

_PARAMETERS = ("part", "wait")


def add_file_route(app: web.Application, store: FileStore, bodies: Bodies, waits: Waits) -> None:
    """Serve the files of a store. At the application's shutdown, requests that wait get their answer."""

    async def get(request: web.Request) -> web.StreamResponse:
        return await _get(request, store, bodies, waits)

    async def close(_: web.Application) -> None:
        store.close()

    app.router.add_get(PATH, get)
    app.on_shutdown.append(close)


async def _get(request: web.Request, store: FileStore, bodies: Bodies, waits: Waits) -> web.StreamResponse:
    key = Key(request.match_info["namespace"], request.match_info["name"])
    part, seconds = _parameters(request)
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        current = await _current(store, key)
        text, etag = _chosen(current.rendering, part, key)
        if not _has(request, etag):
            return _answer(current, bodies.pieces(etag, text), etag)
        if store.closed or deadline <= asyncio.get_running_loop().time():
            return _not_modified(current, etag)
        with waits.slot(request):
            await _wait_past(store, key, current.version, deadline)


def _parameters(request: web.Request) -> tuple[str, float]:
    refuse_unknown_parameters(request, _PARAMETERS)
    try:
        seconds = wait_seconds(request.query["wait"]) if "wait" in request.query else 0.0
    except ValueError as error:
        refuse(web.HTTPBadRequest, "InvalidWait", f"wait: {error}")
    return request.query.get("part", ""), seconds


async def _current(store: FileStore, key: Key) -> Current:
    try:
        return await store.current(key)
    except NotSynced:
        refuse(
            web.HTTPServiceUnavailable,
            "NotSynced",
            f"Rollcall does not know yet what {key} holds: ask again in a moment",
        )
    except UnknownFile:
        refuse(
            web.HTTPNotFound,
            "NotFound",
            f"there is no DiscoveryFile {key}: `kubectl get discoveryfiles -A` lists them",
        )
    except CannotRender as error:
        refuse(web.HTTPNotFound, error.problem.reason, error.problem.message)


def _chosen(rendering: Rendering, part: str, key: Key) -> tuple[str, str]:
    """Return the text that was asked for, and its entity tag."""
    if not part:
        return rendering.text, rendering.sha256
    for number, candidate in enumerate(rendering.parts, 1):
        if part in (str(number), candidate.key):
            return candidate.text, candidate.sha256
    if rendering.too_large:
        refuse(web.HTTPNotFound, rendering.too_large.reason, rendering.too_large.message)
    there = ", ".join(candidate.key for candidate in rendering.parts[:20]) or "none"
    refuse(web.HTTPNotFound, "NoSuchPart", f"{key} has no part {part[:64]!r}; there are: {there}")


def _has(request: web.Request, etag: str) -> bool:
    """Whether the client has this rendering (RFC 9110 section 13.1.2: a weak comparison)."""
    return any(known.value in (etag, "*") for known in request.if_none_match or ())


async def _wait_past(store: FileStore, key: Key, version: int, deadline: float) -> None:
    """Wait until a version is no longer the latest, or the time is over."""
    try:
        async with asyncio.timeout_at(deadline):
            await store.wait_past(key, version)
    except TimeoutError:
        pass


def _headers(current: Current, etag: str) -> dict[str, str]:
    headers = {
        "ETag": f'"{etag}"',
        "Cache-Control": "no-cache",
        "X-Rollcall-Digest": current.rendering.digest,
        "X-Rollcall-Generation": str(current.rendering.generation),
        "X-Rollcall-Parts": str(len(current.rendering.parts)),
    }
    return headers | {"X-Rollcall-Stale": "true"} if current.stale else headers


def _answer(current: Current, body: Pieces, etag: str) -> web.Response:
    return web.Response(
        body=body,
        content_type=current.rendering.content_type,
        charset="utf-8",
        headers=_headers(current, etag),
    )


def _not_modified(current: Current, etag: str) -> web.Response:
    return web.Response(status=304, headers=_headers(current, etag))
