"""The HTTP pages: /healthz, /readyz, /metrics, the files, and whether a pod is drained.

Neither health nor readiness asks the API server: answers from the last state are of more use than none from
a server that was taken out of service because something else is down.
"""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from rollcall.publish.file_store import FileStore

from .bodies import Bodies
from .connections import Connections
from .drained import DrainWaits, add_drained_route
from .figures import Figures
from .files import add_file_route
from .waits import Waits

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
    connections: Connections,
    registry: CollectorRegistry,
    store: FileStore,
    drains: DrainWaits,
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
        tag, text = figures.rendering()
        return web.Response(body=bodies.pieces(tag, text), headers={"Content-Type": CONTENT_TYPE_LATEST})

    figures = Figures(registry)
    bodies = Bodies(connections.limits)
    waits = Waits(connections.limits)
    app = web.Application(middlewares=[connections.middleware])
    app.router.add_get("/", index)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)
    add_file_route(app, store, bodies, waits)
    add_drained_route(app, drains, waits)
    # A client that goes gives its slot among those who wait to others.
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0, handler_cancellation=True)
    await runner.setup()
    assert runner.server is not None
    try:
        async with connections.accepting(listener, runner.server):
            yield
    finally:
        await runner.cleanup()
