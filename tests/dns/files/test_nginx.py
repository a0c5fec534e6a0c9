"""nginx reads the upstreams, and requests arrive at the instances."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import aiohttp
import msgspec
import pytest

from controlplane.child import Child
from controlplane.ports import free_port
from file_consumers import Finished, Mount, answered, answering, finish, shared
from hostile import hostile
from rollcall.model import Members
from unit.publish.files.builders import EMPTY, WEB, file, many, members

FILE = file("nginx")

PERIOD = 100
"""So many requests are whole rounds of 4 to 1 and of 1 to 1."""


def configuration(folder: Path, port: int) -> Path:
    path = folder / "nginx.conf"
    path.write_text(
        f"""
        user root;
        worker_processes 1;
        pid {folder}/nginx.pid;
        error_log stderr notice;
        events {{}}
        http {{
            access_log off;
            limit_req_zone $binary_remote_addr zone=web:64k rate=1000r/s;
            include {folder}/mount/*.conf;
            server {{
                listen 127.0.0.1:{port};
                location / {{ proxy_pass http://web; }}
                location /empty/ {{ proxy_pass http://empty; }}
            }}
        }}
        """
    )
    return path


async def check(nginx: str, folder: Path, *services: Members) -> Finished:
    mount = Mount(folder / "mount")
    mount.publish(FILE, services)
    return await finish(nginx, "-t", "-p", folder, "-c", configuration(folder, free_port()))


async def test_a_configuration_with_all_kinds_of_instances(
    tmp_path: Path, program: Callable[[str], str]
) -> None:
    assert (await check(program("nginx"), tmp_path, WEB, EMPTY)).code == 0


async def test_only_empty_services(tmp_path: Path, program: Callable[[str], str]) -> None:
    assert (await check(program("nginx"), tmp_path, members("web"), EMPTY)).code == 0


async def test_hostile_names_are_names(tmp_path: Path, program: Callable[[str], str]) -> None:
    checked = await check(program("nginx"), tmp_path, WEB, EMPTY, *hostile())
    assert checked.code == 0, checked


async def test_thousands_of_instances_fit_into_their_zone(
    tmp_path: Path, program: Callable[[str], str]
) -> None:
    for size in (31, 33, 480, 5_000):
        folder = tmp_path / str(size)
        folder.mkdir()
        ipv6_only = [msgspec.structs.replace(i, ipv4=()) for i in many(size).instances]
        checked = await check(program("nginx"), folder, members("web", *ipv6_only), EMPTY)
        assert checked.code == 0, checked


async def test_requests_arrive(
    tmp_path: Path, program: Callable[[str], str], run: Callable[..., Child]
) -> None:
    port = free_port()
    mount = Mount(tmp_path / "mount")
    async with answering() as web, aiohttp.ClientSession() as http:
        mount.publish(FILE, [web, EMPTY])
        config = configuration(tmp_path, port)
        child = run(program("nginx"), "-p", tmp_path, "-c", config, "-g", "daemon off;")

        async def get(path: str = "/") -> tuple[int, str]:
            async with http.get(f"http://127.0.0.1:{port}{path}") as response:
                return response.status, await response.text()

        async def several() -> set[str]:
            return {(await get())[1] for _ in range(6)}

        await answered(several, lambda answers: answers == {"web-1", "web-2"})
        assert (await get("/empty/"))[0] == 502

        mount.publish(FILE, [members("web", web.instances[1]), EMPTY])
        os.kill(child.pid, signal.SIGHUP)
        await answered(several, lambda answers: answers == {"web-2"})


@pytest.mark.parametrize(("percent", "period"), [(20, PERIOD), (50, PERIOD), (10, None), (1, None)])
async def test_a_canary_gets_its_share_of_the_requests(
    percent: int, period: int | None, tmp_path: Path, program: Callable[[str], str], run: Callable[..., Child]
) -> None:
    """To the request, where the weights are in a ratio of small numbers; else as near as counting goes."""
    port = free_port()
    mount = Mount(tmp_path / "mount")
    async with answering() as web, aiohttp.ClientSession() as http:
        mount.publish(FILE, [shared(web, percent), EMPTY])
        config = configuration(tmp_path, port)
        run(program("nginx"), "-p", tmp_path, "-c", config, "-g", "daemon off;")

        async def get() -> str:
            async with http.get(f"http://127.0.0.1:{port}/") as response:
                return await response.text()

        await answered(get, lambda answer: answer in ("web-1", "web-2"))
        looks = period or 400
        answers = [await get() for _ in range(looks)]
        assert answers.count("web-2") == pytest.approx(looks * percent / 100, abs=0 if period else 1)
