"""HAProxy takes our backends beside the user's own configuration."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from controlplane.child import Child
from controlplane.ports import free_port
from file_consumers import Mount, answered, answering, finish, shared
from hostile import hostile
from rollcall.model import Members
from unit.publish.files.builders import EMPTY, WEB, file, instance, many, members

FILE = file("haproxy")

PERIOD = 320
"""So many requests are whole rounds of 256 to 64, which is 4 to 1 in its range, and of 1 to 1."""


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


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal (proc_pid_status(5), SigCgt)."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return bool(int(fields["SigCgt"], 16) >> (number - 1) & 1)


@pytest.mark.parametrize(
    "services",
    [
        pytest.param([WEB, EMPTY], id="all kinds"),
        pytest.param([members("web"), EMPTY], id="only empty"),
        pytest.param([members("web", instance(1, weight=0), instance(2, weight=1000)), EMPTY], id="weights"),
        pytest.param([many(2_000), EMPTY], id="many"),
        pytest.param([WEB, EMPTY, *hostile()], id="hostile"),
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

        await answered(several, lambda answers: answers == {"web-1", "web-2"})
        assert (await get("/empty"))[0] == 503

        async def takes_signals() -> bool:
            return catches(child.pid, signal.SIGUSR2)

        # HAProxy answers some milliseconds before that, and ignores the signal until then.
        await answered(takes_signals, bool)
        mount.publish(FILE, [members("web", web.instances[1]), EMPTY])
        os.kill(child.pid, signal.SIGUSR2)
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
        run(program("haproxy"), "-W", "-db", "-f", config, "-f", mount.folder / "backends.cfg")

        async def get() -> str:
            async with http.get(f"http://127.0.0.1:{port}/") as response:
                return await response.text()

        await answered(get, lambda answer: answer in ("web-1", "web-2"))
        looks = period or 400
        answers = [await get() for _ in range(looks)]
        assert answers.count("web-2") == pytest.approx(looks * percent / 100, abs=0 if period else 1)
