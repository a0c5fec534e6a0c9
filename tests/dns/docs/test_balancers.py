"""The configurations of docs/how-to/ are taken by the programs that they are for, beside a real rendering."""

import asyncio
import os
import re
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import yaml
from aiohttp import web

from controlplane.child import Child
from controlplane.ports import free_port
from file_consumers import Mount, answered
from rollcall.http.bodies import Bodies
from rollcall.http.files import add_file_route
from rollcall.http.limits import HttpLimits
from rollcall.http.waits import Waits
from rollcall.publish.file_store import FileStore
from unit.docs.pages import ROOT, blocks
from unit.publish.files.builders import KEYS, WEB, file
from waiting import SECONDS

HOW_TO = ROOT / "docs" / "how-to"
MANY = 40
LARGEST = 64
ANSWERS = 6
"""As many hold the same servers: by chance they would not, once in a number of fifty digits."""

Program = Callable[[str], str]
Run = Callable[..., Child]


def configurations(page: str, language: str, mark: str = "") -> list[str]:
    return [b.text for b in blocks(language) if b.page == HOW_TO / page and mark in b.text]


def mounted(folder: Path, made: str) -> Path:
    """Put a rendering of the service web where a ConfigMap would be mounted."""
    mount = Mount(folder / "mount")
    mount.publish(file(made, names=("web",)), [WEB])
    return mount.folder


def run_to_end(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.parametrize("mark", ["include", "resolve;"])
def test_nginx(tmp_path: Path, program: Program, mark: str) -> None:
    (ours,) = configurations("nginx.md", "nginx", mark)
    folder = mounted(tmp_path, "nginx")
    config = tmp_path / "nginx.conf"
    head = f"pid {tmp_path}/nginx.pid;\nerror_log stderr;\n"
    body = ours.replace("/etc/nginx/rollcall", str(folder)).replace(
        "listen 8080", f"listen 127.0.0.1:{free_port()}"
    )
    config.write_text(head + body.replace("http {", "http {\n    access_log off;", 1))
    run_to_end(program("nginx"), "-t", "-p", tmp_path, "-c", config)


def test_haproxy_from_a_file(tmp_path: Path, program: Program) -> None:
    (ours,) = configurations("haproxy.md", "haproxy", "default-server check")
    folder = mounted(tmp_path, "haproxy")
    config = tmp_path / "haproxy.cfg"
    config.write_text(ours)
    told = run_to_end(program("haproxy"), "-c", "-f", config, "-f", folder / KEYS["haproxy"])
    assert "WARNING" not in told


class Haproxy:
    """The configuration of the page for a service of this many servers, and what HAProxy makes of it."""

    def __init__(self, folder: Path, service: str, servers: int, port: int) -> None:
        (ours,) = configurations("haproxy.md", "haproxy", "server-template")
        self.config = folder / "haproxy.cfg"
        self._control = folder / "control"
        ours = ours.replace("192.0.2.53:53", f"127.0.0.1:{port}").replace(".web.shop.", f".{service}.shop.")
        ours = ours.replace("bind :8080", f"bind 127.0.0.1:{free_port()}").replace("web 20", f"web {servers}")
        self.config.write_text(f"global\n    stats socket {self._control}\n{ours}")

    def runs(self) -> bool:
        """Whether it takes commands: its socket is there a moment before that."""
        try:
            return bool(self._say("show info"))
        except OSError:
            return False

    def servers(self) -> set[str]:
        return set(re.findall(r" (10\.0\.0\.\d+) ", self._say("show servers state web")))

    def answers(self) -> int:
        """How many answers it has taken."""
        return int(re.findall(r"valid: *(\d+)", self._say("show resolvers rollcall"))[0])

    def _say(self, command: str) -> str:
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(str(self._control))
            asking.sendall(f"{command}\n".encode())
            return b"".join(iter(lambda: asking.recv(65536), b"")).decode()


def test_haproxy_from_dns(tmp_path: Path, program: Program, run: Run, port: int) -> None:
    """It has all servers of a service whose answer is larger than a datagram."""
    haproxy = Haproxy(tmp_path, "many", MANY + 5, port)
    child = run(program("haproxy"), "-db", "-f", haproxy.config)
    child.wait_until(lambda: haproxy.runs() and len(haproxy.servers()) == MANY, SECONDS)


def test_haproxy_sees_nobody_come_and_go_in_a_set_that_is_cut(
    tmp_path: Path, program: Program, run: Run, port: int
) -> None:
    """It takes each answer for the whole, and servers that are not in it for gone."""
    haproxy = Haproxy(tmp_path, "crowd", 120, port)
    child = run(program("haproxy"), "-db", "-f", haproxy.config)
    child.wait_until(lambda: haproxy.runs() and len(haproxy.servers()) == LARGEST, SECONDS)
    first = haproxy.servers()
    child.wait_until(lambda: haproxy.answers() >= ANSWERS, SECONDS)
    assert haproxy.servers() == first
    assert "going DOWN" not in child.output()


@pytest.mark.parametrize("number", [0, 1])
def test_envoy(tmp_path: Path, program: Program, number: int) -> None:
    found = configurations("envoy.md", "yaml", "# envoy\n")
    assert len(found) == 2
    folder = mounted(tmp_path, "envoy-eds")
    config = tmp_path / "envoy.yaml"
    ours = found[number]
    config.write_text(ours.replace("/etc/rollcall", str(folder)))
    run_to_end(program("envoy"), "--mode", "validate", "-c", config)


def test_prometheus(tmp_path: Path, program: Program) -> None:
    found = configurations("prometheus.md", "yaml", "scrape_configs")
    assert len(found) == 3
    folder = mounted(tmp_path, "prometheus")
    for ours in found:
        config = tmp_path / "prometheus.yml"
        config.write_text(ours.replace("/etc/rollcall", str(folder)))
        run_to_end(program("promtool"), "check", "config", config)


@pytest.mark.parametrize(
    ("page", "made"),
    [
        ("nginx.md", "nginx"),
        ("haproxy.md", "haproxy"),
        ("envoy.md", "envoy-eds"),
        ("prometheus.md", "prometheus"),
    ],
)
def test_each_page_writes_its_file(page: str, made: str) -> None:
    """In the format that it is about, into the key that it mounts."""
    (ours,) = configurations(page, "yaml", "kind: DiscoveryFile")
    spec = yaml.safe_load(ours)["spec"]
    assert spec["format"] == made
    rest = (HOW_TO / page).read_text().replace(ours, "")
    key = spec["configMap"]["key"]
    assert key in rest or re.search(r"/targets\*\.json", rest)


@pytest.fixture
async def pages() -> AsyncIterator[tuple[FileStore, str]]:
    """Serve files over HTTP; return the store that they are in, and where they are served."""
    store = FileStore()
    app = web.Application()
    add_file_route(app, store, Bodies(HttpLimits()), Waits(HttpLimits()))
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield store, f"127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_the_loop_brings_a_file(tmp_path: Path, pages: tuple[FileStore, str]) -> None:
    """The shell loop of nginx.md fetches the file, and reloads when something has changed."""
    store, address = pages
    wanted = file("nginx", names=("web",))
    store.put_file(wanted, (WEB,))
    store.set_synced()
    (loop,) = [b.text for b in blocks("sh") if b.page == HOW_TO / "nginx.md" and "etag" in b.text]
    log, ours = tmp_path / "log", tmp_path / "upstreams.conf"
    for old, new in (
        ("rollcall-http.rollcall-system:8080", address),
        ("shop/upstreams", f"{wanted.key.namespace}/{wanted.key.name}"),
        ("/etc/nginx/rollcall", str(tmp_path)),
        ("nginx -t && nginx -s reload", f"echo reloaded >> {log}"),
    ):
        assert old in loop
        loop = loop.replace(old, new)

    async def reloads() -> int:
        return log.read_text().count("reloaded")

    process = await asyncio.create_subprocess_exec("bash", "-c", loop, start_new_session=True)
    try:
        await answered(reloads, lambda number: number == 1)
        assert "upstream web" in ours.read_text()
        store.put_file(wanted, ())
        await answered(reloads, lambda number: number == 2)
        assert "upstream web" not in ours.read_text()
    finally:
        os.killpg(process.pid, signal.SIGTERM)  # the shell, and its curl
        await process.wait()
