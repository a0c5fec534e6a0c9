"""Real worker processes: start, kill, restart, the end of the control process, two at once."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import dns.asyncquery
import dns.exception
import dns.message
import pytest

from owners import OWNER
from rollcall.feed.feed import _Link as link
from rollcall.feed.frames import CommitFrame, ToWorker, pieces
from rollcall.serve.snapshot import write_snapshot
from serving.running import PatientWorker, WorkerProcess, feeding, worker_processes
from unit.serve.samples import addresses, rcode, rrset, values, zone
from waiting import SECONDS, until

SERVICE = "s.example.test."
STATE = [zone(rrset(SERVICE, "A", "10.0.0.1"))]
LATER = [zone(rrset(SERVICE, "A", "10.0.0.2"))]


async def ask(worker: WorkerProcess, qname: str = SERVICE, rdtype: str = "A") -> dns.message.Message:
    """Ask over UDP; the query waits in the socket while there is no process to answer it."""
    query = dns.message.make_query(qname, rdtype)
    return await dns.asyncquery.udp(query, "127.0.0.1", SECONDS, worker.port)


async def answers_beside_junk(worker: WorkerProcess) -> None:
    """Ask until there is an answer: in a socket that is full of junk there is no room for a query."""

    async def is_answered() -> bool:
        query = dns.message.make_query(SERVICE, "A")
        with contextlib.suppress(dns.exception.Timeout):
            await dns.asyncquery.udp(query, "127.0.0.1", 1.0, worker.port)
            return True
        return False

    await until(is_answered, "an answer")


async def test_a_worker_answers_what_the_feed_says(tmp_path: Path) -> None:
    with worker_processes(tmp_path) as [worker]:
        async with feeding(worker.feed_path, STATE) as (feed, control):
            worker.start()
            feed.publish(1, ())
            await control.until_answered(1)
            assert values(await ask(worker)) == ["10.0.0.1"]
            assert worker.resident_kilobytes() < 40 * 1024

            for version in range(2, 50):
                feed.publish(
                    version, [zone(rrset(f"n{version}.example.test.", "A", "10.0.0.9"), serial=version)]
                )
                await control.until_answered(version)
                assert values(await ask(worker, f"n{version}.example.test.")) == ["10.0.0.9"]

            await control.until(lambda: 0 in control.stats and control.stats[0].udp_responses == 49)


async def test_before_anything_is_known_every_answer_is_servfail(tmp_path: Path) -> None:
    with worker_processes(tmp_path) as [worker]:
        worker.start()

        for qname in (SERVICE, "example.org."):
            assert rcode(await ask(worker, qname)) == "SERVFAIL"
        assert "no snapshot" in worker.log


async def test_a_worker_starts_from_the_snapshot_when_there_is_no_feed(tmp_path: Path) -> None:
    with worker_processes(tmp_path) as [worker]:
        write_snapshot(worker.snapshot_path, OWNER, STATE)
        worker.start()

        assert values(await ask(worker)) == ["10.0.0.1"]

        async with feeding(worker.feed_path, LATER) as (feed, control):
            await control.until(lambda: control.workers == {0})
            assert values(await ask(worker)) == ["10.0.0.1"], "the control process knows nothing yet"
            feed.publish(1, ())
            await control.until_answered(1)
            assert values(await ask(worker)) == ["10.0.0.2"]


@pytest.mark.parametrize("content", [b"", b"junk" * 100, None], ids=["empty", "junk", "cut off"])
async def test_a_damaged_snapshot_is_ignored_and_said(tmp_path: Path, content: bytes | None) -> None:
    with worker_processes(tmp_path) as [worker]:
        write_snapshot(worker.snapshot_path, OWNER, STATE)
        worker.snapshot_path.write_bytes(
            worker.snapshot_path.read_bytes()[:-5] if content is None else content
        )
        worker.start()

        assert rcode(await ask(worker)) == "SERVFAIL"
        assert f"snapshot {worker.snapshot_path} can't be used" in worker.log
        assert "Traceback" not in worker.log


async def test_killing_a_worker_loses_no_query(tmp_path: Path) -> None:
    state = list(STATE)
    with worker_processes(tmp_path, kind=PatientWorker) as [worker]:
        async with feeding(worker.feed_path, state) as (feed, control):
            worker.start()
            feed.publish(1, ())
            await control.until_answered(1)
            await ask(worker)

            assert worker.end(signal.SIGKILL) == -signal.SIGKILL
            async with asyncio.TaskGroup() as group:
                asked = [group.create_task(ask(worker)) for _ in range(100)]
                tcp = group.create_task(
                    dns.asyncquery.tcp(
                        dns.message.make_query(SERVICE, "A"), "127.0.0.1", SECONDS, worker.port
                    )
                )
                await control.until(lambda: not control.workers)
                state[:] = LATER
                feed.publish(2, LATER)
                worker.start()

            for response in [await task for task in (*asked, tcp)]:
                assert values(response) == ["10.0.0.2"], "what is known now, not when it was asked"


async def test_the_end_of_the_control_process_changes_no_answer(tmp_path: Path) -> None:
    with worker_processes(tmp_path) as [worker]:
        async with feeding(worker.feed_path, STATE) as (feed, control):
            worker.start()
            feed.publish(1, ())
            await control.until_answered(1)

        for _ in range(20):
            assert values(await ask(worker)) == ["10.0.0.1"]

        async with feeding(worker.feed_path, LATER) as (feed, control):
            feed.publish(1, ())
            await control.until_answered(1)
            assert values(await ask(worker)) == ["10.0.0.2"]


async def test_two_workers_share_the_clients(tmp_path: Path) -> None:
    with worker_processes(tmp_path, 2) as workers:
        async with feeding(workers[0].feed_path, STATE) as (feed, control):
            for worker in workers:
                worker.start()
            feed.publish(1, ())
            await control.until_answered(1, 0, 1)

            for _ in range(100):  # each from a port of its own
                assert values(await ask(workers[0])) == ["10.0.0.1"]

            await control.until(lambda: len(control.stats) == 2)
            await control.until(lambda: sum(each.udp_responses for each in control.stats.values()) == 100)
            assert all(each.udp_responses > 10 for each in control.stats.values())


@pytest.mark.parametrize("listen", ["[::1]:0", "[::]:0"])
async def test_a_worker_serves_ipv6(tmp_path: Path, listen: str) -> None:
    with worker_processes(tmp_path, listen=listen) as [worker]:
        write_snapshot(worker.snapshot_path, OWNER, STATE)
        worker.start()
        query = dns.message.make_query(SERVICE, "A")
        for host in ["::1", "127.0.0.1"] if listen == "[::]:0" else ["::1"]:
            for ask_over in (dns.asyncquery.udp, dns.asyncquery.tcp):
                response = await ask_over(query, host, SECONDS, worker.port)
                assert values(response) == ["10.0.0.1"]


async def test_a_large_state_arrives_while_queries_are_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each piece of it, with what was there before, until all of it is there."""
    large = [
        zone(
            rrset(SERVICE, "A", "10.0.0.2"),
            *(rrset(f"n{index}.example.test.", "A", *addresses(10)) for index in range(5000)),
        )
    ]
    with worker_processes(tmp_path) as [worker]:
        write_snapshot(worker.snapshot_path, OWNER, STATE)
        worker.start()
        send = link.send
        meanwhile: list[list[str]] = []

        async def send_and_ask(to: Any, frame: ToWorker) -> None:
            await send(to, frame)
            if not isinstance(frame, CommitFrame):
                meanwhile.append(values(await ask(worker)))

        monkeypatch.setattr(link, "send", send_and_ask)
        async with feeding(worker.feed_path, large) as (feed, control):
            feed.publish(1, ())
            await control.until_answered(1)
            assert meanwhile == [["10.0.0.1"]] * (len(list(pieces(large))) + 1)
            assert values(await ask(worker)) == ["10.0.0.2"]
            assert len(values(await ask(worker, "n4999.example.test."))) == 8


async def test_junk_does_not_hurt(tmp_path: Path) -> None:
    with worker_processes(tmp_path) as [worker]:
        write_snapshot(worker.snapshot_path, OWNER, STATE)
        worker.start()
        await ask(worker)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect(("127.0.0.1", worker.port))
            for size in (0, 1, 11, 12, 13, 40, 512, 4096, 9000, 65000):
                for _ in range(50):
                    sender.send(os.urandom(size))
                await answers_beside_junk(worker)
        with (
            contextlib.closing(socket.create_connection(("127.0.0.1", worker.port))) as stream,
            contextlib.suppress(ConnectionError),  # it may have had enough before it has all
        ):
            stream.sendall(os.urandom(100_000))
        assert values(await ask(worker)) == ["10.0.0.1"]
        assert "failed" not in worker.log


async def test_sigterm_ends_a_worker_and_ctrl_c_does_not(tmp_path: Path) -> None:
    with worker_processes(tmp_path) as [worker]:
        write_snapshot(worker.snapshot_path, OWNER, STATE)
        worker.start()
        await ask(worker)
        os.kill(worker.pid, signal.SIGINT)
        assert values(await ask(worker)) == ["10.0.0.1"]

        assert worker.end(signal.SIGTERM) == 0
        assert "Traceback" not in worker.log


async def test_a_worker_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    program = (
        "import subprocess, sys\n"
        "child = subprocess.Popen(sys.argv[2:], pass_fds=[int(fd) for fd in sys.argv[1].split(',')])\n"
        "print(child.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    with worker_processes(tmp_path) as [worker]:
        write_snapshot(worker.snapshot_path, OWNER, STATE)
        worker.start()
        assert worker.process is not None
        arguments = worker.process.args
        assert isinstance(arguments, list)
        worker.end()

        descriptors = worker.sockets.udp.fileno(), worker.sockets.tcp.fileno()
        with subprocess.Popen(  # noqa: ASYNC220 - it takes a moment, and nothing else runs
            [sys.executable, "-c", program, ",".join(map(str, descriptors)), *arguments],
            pass_fds=descriptors,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=Path(__file__).parents[3] / "operator",
        ) as parent:
            assert parent.stdout is not None
            pid = int(parent.stdout.readline())
            assert values(await ask(worker)) == ["10.0.0.1"]
            parent.kill()

        await until(lambda: not Path(f"/proc/{pid}").exists())
