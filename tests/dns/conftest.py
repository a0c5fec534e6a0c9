"""Programs of other people, found or fetched, and ended after each test."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import pytest

from controlplane import programs
from controlplane.child import Child
from controlplane.errors import ControlPlaneError
from nameservers import FaultProxy, Nameserver

Run = Callable[..., Child]


@pytest.fixture
def program() -> Callable[[str], str]:
    """Give the path of a program; a test whose program is not to be had says so and is skipped."""

    def find(name: str) -> str:
        try:
            return str(programs.find(name))
        except ControlPlaneError as error:
            pytest.skip(str(error))

    return find


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Start a server that ends with the test."""
    children: list[Child] = []

    def start(*command: str | Path, environment: Mapping[str, str] | None = None) -> Child:
        name = Path(command[0]).name
        children.append(Child(name, command, tmp_path / f"{name}-{len(children)}.log", environment))
        return children[-1]

    yield start
    for child in children:
        child.stop()


@pytest.fixture
async def proxy(server: Nameserver) -> AsyncIterator[FaultProxy]:
    """Run a proxy in front of the server that a module or its folder starts."""
    async with FaultProxy(server.address, server.port) as running:
        yield running
