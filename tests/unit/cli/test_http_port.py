"""The HTTP port in `rollcall check`: Rollcall's own pages, and those of another program."""

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from rollcall.cli import ports


async def serving(index: str, ready: web.Response) -> TestServer:
    async def respond(request: web.Request) -> web.Response:
        return ready if request.path == "/readyz" else web.Response(text=index)

    app = web.Application()
    app.router.add_get("/{path:.*}", respond)
    server = TestServer(app)
    await server.start_server()
    return server


@pytest.mark.parametrize(
    ("index", "status", "text", "result", "message"),
    [
        ("Rollcall\n", 200, "ok\n", "OK", "is ready"),
        ("Rollcall\n", 503, "waiting for pods\n", "WARN", "is not ready: waiting for pods"),
        ("<html>", 200, "ok\n", "FAIL", "the port is in use"),
    ],
)
async def test_a_port_that_answers(
    index: str, status: int, text: str, result: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "HTTP_SECONDS", 60.0)
    server = await serving(index, web.Response(text=text, status=status))
    try:
        line = await ports.check_http(f"127.0.0.1:{server.port}")
    finally:
        await server.close()
    assert line.level.name == result
    assert message in line.message
