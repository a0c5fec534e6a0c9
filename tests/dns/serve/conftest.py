"""A real worker process that answers from a snapshot, shared by the tests of a module."""

from collections.abc import Iterator

import pytest

from owners import OWNER
from rollcall.serve.snapshot import write_snapshot
from serving.running import WorkerProcess, worker_processes
from unit.serve.samples import APEX, addresses, rrset, zone

TARGETS = [f"i{index}.s.example.test." for index in range(10)]

ZONE = zone(
    rrset(APEX, "NS", "ns.example.test."),
    rrset("ns.example.test.", "A", "10.1.1.1"),
    rrset("s.example.test.", "A", *addresses(10)),
    rrset("s.example.test.", "AAAA", "fd00::1", "fd00::2"),
    rrset("all.example.test.", "A", *addresses(64), count=64),
    rrset("huge.example.test.", "TXT", *(f'"{index:03} {"x" * 250}"' for index in range(200)), count=200),
    rrset("_http._tcp.s.example.test.", "SRV", *(f"0 1 80 {target}" for target in TARGETS)),
    *(rrset(target, "A", f"10.0.0.{index}") for index, target in enumerate(TARGETS)),
)


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    folder = tmp_path_factory.mktemp("worker")
    with worker_processes(folder) as [started]:
        write_snapshot(started.snapshot_path, OWNER, [ZONE])
        started.start()
        yield started
        assert started.end() == 0
        assert "Traceback" not in started.log


@pytest.fixture(scope="module")
def port(worker: WorkerProcess) -> int:
    return worker.port
