"""The HTTP pages: /healthz, /readyz, /metrics, the files, and whether a pod is drained.

Neither health nor readiness asks the API server: answers from the last state are of more use than none from
a server that was taken out of service because something else is down.
"""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from rollcall.publish.file_store import FileStore

from .drained import DrainWaits, add_drained_route
from .files import add_file_route

INDEX = """\
Rollcall
  /healthz                        the process is alive
  /readyz                         DNS is being answered
  /metrics                        Prometheus
  /v1/files/<namespace>/<name>    a DiscoveryFile, fresh; ?wait=30s waits for its next change
  /v1/drained?pod=<namespace>/<name>    waits until a pod is in no answer and no cache
"""


@asynccontextmanager
async def serving(
    listener: socket.socket,
    registry: CollectorRegistry,
    store: FileStore,
    waits: DrainWaits,
    why_not_ready: Callable[[], str],
) -> AsyncIterator[None]:
    """Serve the pages on a listening socket; `why_not_ready` returns "" or the reason."""

    async def index(_: web.Request) -> web.Response:
        return web.Response(text=INDEX)

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        reason = why_not_ready()
        return web.Response(text=f"{reason or 'ok'}\n", status=503 if reason else 200)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/", index)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)
    add_file_route(app, store)
    add_drained_route(app, waits)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        yield
    finally:
        await runner.cleanup()
