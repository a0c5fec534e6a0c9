"""A DNS worker with a service in it, and programs to point at it."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from controlplane import programs
from controlplane.child import Child
from controlplane.errors import ControlPlaneError
from rollcall.serve.snapshot import write_snapshot
from serving.running import worker_processes
from unit.serve.samples import rrset, zone

DOMAIN = "k8s.example.com."
ADDRESSES = {"10.0.0.0", "10.0.0.1", "10.0.0.2"}
MANY = 40

Run = Callable[..., Child]


def instance(number: int, service: str = "web") -> str:
    return f"10-0-0-{number}.{service}.shop.{DOMAIN}"


ZONE = zone(
    rrset(f"web.shop.{DOMAIN}", "A", *sorted(ADDRESSES)),
    rrset(f"_http._tcp.web.shop.{DOMAIN}", "SRV", *(f"0 100 8080 {instance(n)}" for n in range(3)), count=64),
    *(rrset(instance(n), "A", f"10.0.0.{n}") for n in range(3)),
    rrset(
        f"_http._tcp.many.shop.{DOMAIN}",
        "SRV",
        *(f"0 100 8080 {instance(n, 'many')}" for n in range(MANY)),
        count=64,
    ),
    *(rrset(instance(n, "many"), "A", f"10.0.0.{n}") for n in range(MANY)),
    rrset(f"_rollcall.empty.shop.{DOMAIN}", "TXT", '"heritage=rollcall"'),
    apex=DOMAIN,
    soa_ttl=5,
)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Start a worker; return its port."""
    with worker_processes(tmp_path_factory.mktemp("worker")) as [worker]:
        write_snapshot(worker.snapshot_path, [ZONE])
        worker.start()
        yield worker.port


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
