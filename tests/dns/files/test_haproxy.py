"""HAProxy takes our backends beside the user's own configuration."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import aiohttp
import msgspec
import pytest

from controlplane.child import Child
from controlplane.ports import free_port
from file_consumers import Mount, answering, eventually, finish
from rollcall.directory.weights import divide
from rollcall.model import Format, Members
from unit.publish.builders import EMPTY, WEB, file, instance, many, members

FILE = file(Format.HAPROXY)


def configuration(folder: Path, port: int) -> Path:
    path = folder / "haproxy.cfg"
    path.write_text(
        f"""
defaults
    mode http
    balance roundrobin
    timeout connect 1s
    timeout client 5s
    timeout server 5s

frontend public
    bind 127.0.0.1:{port}
    use_backend empty if {{ path_beg /empty }}
    default_backend web
"""
    )
    return path


@pytest.mark.parametrize(
    "services",
    [
        pytest.param([WEB, EMPTY], id="all kinds"),
        pytest.param([members("web"), EMPTY], id="only empty"),
        pytest.param([members("web", instance(1, weight=0), instance(2, weight=1000)), EMPTY], id="weights"),
        pytest.param([many(2_000), EMPTY], id="many"),
    ],
)
async def test_a_configuration(
    services: list[Members], tmp_path: Path, program: Callable[[str], str]
) -> None:
    mount = Mount(tmp_path / "mount")
    mount.publish(FILE, services)
    config = configuration(tmp_path, free_port())

    for ours in (mount.folder / "backends.cfg", mount.folder):  # a file, or all of a folder
        checked = await finish(program("haproxy"), "-c", "-f", config, "-f", ours)
        assert checked.code == 0, checked
        assert "WARNING" not in checked.errors


async def test_requests_arrive(
    tmp_path: Path, program: Callable[[str], str], run: Callable[..., Child]
) -> None:
    port = free_port()
    mount = Mount(tmp_path / "mount")
    async with answering() as web, aiohttp.ClientSession() as http:
        mount.publish(FILE, [web, EMPTY])
        config = configuration(tmp_path, port)
        child = run(program("haproxy"), "-W", "-db", "-f", config, "-f", mount.folder / "backends.cfg")

        async def get(path: str = "/") -> tuple[int, str]:
            async with http.get(f"http://127.0.0.1:{port}{path}") as response:
                return response.status, await response.text()

        async def several() -> set[str]:
            return {(await get())[1] for _ in range(6)}

        await eventually(several, lambda answers: answers == {"web-1", "web-2"})
        assert (await get("/empty"))[0] == 503

        mount.publish(FILE, [members("web", web.instances[1]), EMPTY])
        os.kill(child.pid, signal.SIGUSR2)
        await eventually(several, lambda answers: answers == {"web-2"})


async def test_a_canary_gets_its_share_of_the_requests(
    tmp_path: Path, program: Callable[[str], str], run: Callable[..., Child]
) -> None:
    port = free_port()
    mount = Mount(tmp_path / "mount")
    async with answering() as web, aiohttp.ClientSession() as http:
        stable, canary = web.instances
        weights = divide({stable.pod: 100}, {canary.pod: 100}, 10)
        weighted = [msgspec.structs.replace(i, weight=weights[i.pod]) for i in web.instances]
        mount.publish(FILE, [members("web", *weighted), EMPTY])
        config = configuration(tmp_path, port)
        run(program("haproxy"), "-W", "-db", "-f", config, "-f", mount.folder / "backends.cfg")

        async def get() -> str:
            async with http.get(f"http://127.0.0.1:{port}/") as response:
                return await response.text()

        await eventually(get, lambda answer: answer in ("web-1", "web-2"))
        answers = [await get() for _ in range(200)]
        assert answers.count("web-2") == pytest.approx(20, abs=2)
