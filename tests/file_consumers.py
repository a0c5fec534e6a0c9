"""What the consumers of files read from and send to: a mounted ConfigMap, and servers that answer."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from itertools import count
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec
from aiohttp import web

from rollcall.model import DiscoveryFile, Instance, InstancePort, Members
from rollcall.model.weights import divide
from rollcall.publish.files import render
from unit.publish.files.builders import instance, members
from waiting import until

V4 = IPv4Address("127.0.0.1")
V6 = IPv6Address("::1")

T = TypeVar("T")


class Mount:
    """A ConfigMap as the kubelet mounts it: links to a folder that is exchanged as a whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = count()
        folder.mkdir()

    def write(self, data: Mapping[str, str]) -> None:
        """Exchange the content."""
        old = (self.folder / "..data").resolve() if (self.folder / "..data").exists() else None
        new = self.folder / f"..version-{next(self._numbers)}"
        new.mkdir()
        for key, text in data.items():
            (new / key).write_text(text)
        link = self.folder / "..data_tmp"
        link.symlink_to(new.name)
        link.rename(self.folder / "..data")
        for key in data:
            if not (self.folder / key).is_symlink():
                (self.folder / key).symlink_to(f"..data/{key}")
        for entry in self.folder.iterdir():
            if not entry.name.startswith("..") and entry.name not in data:
                entry.unlink()
        if old:
            shutil.rmtree(old)

    def publish(self, file: DiscoveryFile, services: Sequence[Members], serial: int = 1) -> None:
        """Exchange the content for a rendering, all parts in one folder, as a projected volume has them."""
        rendering = render(file, services, serial)
        self.write({part.key: part.text for part in rendering.parts})


def at(address: IPv4Address | IPv6Address, port: int, number: int, *, weight: int = 100) -> Instance:
    """Make an instance that answers at an address of this machine."""
    return msgspec.structs.replace(
        instance(number, weight=weight),
        ipv4=(address,) if isinstance(address, IPv4Address) else (),
        ipv6=(address,) if isinstance(address, IPv6Address) else (),
        ports=(InstancePort("http", "TCP", port),),
    )


@contextlib.asynccontextmanager
async def answering() -> AsyncIterator[Members]:
    """Run two HTTP servers, one for each family, that answer with the name of their pod."""
    runners: list[web.AppRunner] = []
    instances: list[Instance] = []
    try:
        addresses: tuple[IPv4Address | IPv6Address, ...] = (V4, V6)
        for number, address in enumerate(addresses, 1):
            runner = web.AppRunner(_app(f"web-{number}"))
            await runner.setup()
            runners.append(runner)
            await web.TCPSite(runner, str(address), 0).start()
            instances.append(at(address, runner.addresses[0][1], number))
        yield members("web", *instances)
    finally:
        for runner in runners:
            await runner.cleanup()


def shared(service: Members, percent: int) -> Members:
    """Give the second of two instances, the canary, a part of the answers in percent."""
    stable, canary = service.instances
    weights = divide({stable.pod: stable.weight}, {canary.pod: canary.weight}, percent)
    return members(
        service.key.name,
        *(msgspec.structs.replace(each, weight=weights[each.pod]) for each in (stable, canary)),
    )


def _app(name: str) -> web.Application:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=name)

    app = web.Application()
    app.router.add_get("/", answer)
    return app


async def answered(ask: Callable[[], Awaitable[T]], good: Callable[[T], bool]) -> T:
    """Ask until the answer is good, and return it; an answer that can't be had yet is none."""
    answers: list[T] = []
    last: object = None

    async def is_good() -> bool:
        nonlocal last
        try:
            last = answer = await ask()
        except OSError as error:  # aiohttp's and dnspython's failures to connect are OSErrors
            last = error
            return False
        if good(answer):
            answers.append(answer)
        return bool(answers)

    await until(is_good, lambda: f"a good answer; the last one: {last!r}")
    return answers[0]


class Finished(NamedTuple):
    """How a program ended, and what it said."""

    code: int
    output: str
    errors: str


async def finish(*command: str | Path, cwd: Path | None = None) -> Finished:
    """Run a program to its end."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(60):
            output, errors = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode is not None
    return Finished(process.returncode, output.decode(), errors.decode())
