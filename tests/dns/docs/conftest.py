"""A DNS worker with a service in it, for programs to point at."""

from collections.abc import Iterator

import pytest

from owners import OWNER
from rollcall.serve.snapshot import write_snapshot
from rollcall.zone.changes import all_up_to
from serving.running import worker_processes
from unit.serve.samples import rrset, zone

DOMAIN = "k8s.example.com."
ADDRESSES = {"10.0.0.0", "10.0.0.1", "10.0.0.2"}
MANY = 40
CROWD = 100


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
    rrset(
        f"_http._tcp.crowd.shop.{DOMAIN}",
        "SRV",
        *(f"0 100 8080 {instance(n, 'crowd')}" for n in range(CROWD)),
        count=all_up_to(64),
    ),
    *(rrset(instance(n, "crowd"), "A", f"10.0.0.{n}") for n in range(CROWD)),
    rrset(f"_rollcall.empty.shop.{DOMAIN}", "TXT", '"heritage=rollcall"'),
    apex=DOMAIN,
    soa_ttl=5,
)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Start a worker; return its port."""
    with worker_processes(tmp_path_factory.mktemp("worker")) as [worker]:
        write_snapshot(worker.snapshot_path, OWNER, [ZONE])
        worker.start()
        yield worker.port
