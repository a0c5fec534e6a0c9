"""The loop that the manual gives for a sidecar: curl, and a reader that is told."""

import asyncio
import re
import shutil
from pathlib import Path

import pytest
from aiohttp import web

from file_consumers import answered
from rollcall.http.bodies import Bodies
from rollcall.http.files import add_file_route
from rollcall.http.limits import HttpLimits
from rollcall.http.waits import Waits
from rollcall.publish.file_store import FileStore
from rollcall.publish.files import render
from unit.publish.files.builders import WEB, file, instance, members

MANUAL = Path(__file__).parents[3] / "docs" / "reference" / "files.md"
HOSTS = file("hosts")


def loop_of_the_manual() -> str:
    (script,) = re.findall(r"```sh\n(.*?)```", MANUAL.read_text(), flags=re.DOTALL)
    return str(script)


async def test_the_loop_of_the_manual(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not on PATH: apt-get install curl")
    store = FileStore()
    app = web.Application()
    add_file_route(app, store, Bodies(HttpLimits()), Waits(HttpLimits()))
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    target, told = tmp_path / "hosts", tmp_path / "told"
    settings = (
        f"url=http://127.0.0.1:{runner.addresses[0][1]}/v1/files/shop/discovery\n"
        f"file={target}\n"
        f"reload='echo told >> {told}'\n"
    )
    sidecar = await asyncio.create_subprocess_exec(
        "sh", "-c", settings + loop_of_the_manual(), stderr=asyncio.subprocess.DEVNULL, start_new_session=True
    )

    async def held() -> str:
        return target.read_text()

    async def times_told() -> int:
        return len(told.read_text().splitlines())

    try:
        store.put_file(HOSTS, [WEB])  # until now it got 503
        await answered(held, lambda text: text == render(HOSTS, [WEB], 1).text)
        changed = [members("web", instance(7))]
        store.put_file(HOSTS, changed)
        await answered(held, lambda text: text == render(HOSTS, changed, 1).text)
        await answered(times_told, lambda count: count == 2)
    finally:
        sidecar.kill()
        await sidecar.wait()
        await runner.cleanup()  # ends the curl that waits
