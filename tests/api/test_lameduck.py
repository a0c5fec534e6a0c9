"""What follows a SIGTERM: not ready at once, answers until nobody asks any more, another replica leads."""

import json
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dns.message
import pytest

from api.test_operator import ZONE, apply, pod
from controlplane import ControlPlane
from rollcall_process import Rollcall
from waiting import SECONDS, eventually

EVERYONE = {"10.20.0.1", "10.20.0.2", "10.20.0.3"}
LONG = "--lameduck=2m"
"""Longer than any test: those that use it end it by a second signal."""

QUERIES_A_SECOND = 500
LATE_SECONDS = 3.0
"""So much later than Rollcall the stand-in for kube-proxy learns that an endpoint ends."""


@pytest.fixture
def name(cluster: ControlPlane, namespace: str) -> Iterator[str]:
    """Make a service of three ready pods, in a zone; return its name in DNS."""
    apply(cluster, ZONE)
    cluster.workloads.make_service(namespace, "web", selector={"app": "web"})
    for number in range(3):
        pod(cluster, namespace, number)
    yield f"web.{namespace}.test.example"
    cluster.kubectl("delete", "dz", "test")


@contextmanager
def running(cluster: ControlPlane, folder: Path, name: str, *options: str) -> Iterator[Rollcall]:
    with Rollcall(cluster.kubeconfig, folder, *options) as rollcall:
        rollcall.wait_ready()
        rollcall.wait_answers(name, EVERYONE)
        yield rollcall
    assert "Traceback" not in rollcall.text, rollcall.text


def end_now(rollcall: Rollcall) -> None:
    """Have one that is leaving end at once, as a second signal does."""
    assert rollcall.exit_code is None, rollcall.text
    assert rollcall.stop() == 0


def test_it_is_not_ready_at_once_and_answers_what_is_new(cluster, namespace, name, tmp_path):
    with running(cluster, tmp_path, name, LONG) as rollcall:
        rollcall.send_signal(signal.SIGTERM)
        eventually(lambda: rollcall.get("/readyz")[0] == 503, "it isn't ready")
        assert "ends" in rollcall.get("/readyz")[1]
        assert rollcall.get("/healthz")[0] == 200
        cluster.workloads.set_ready(namespace, "web-0", False)
        rollcall.wait_answers(name, EVERYONE - {"10.20.0.1"})
        assert rollcall.ask(name, tcp=True).answer
        end_now(rollcall)


def test_another_replica_leads_while_it_still_answers(cluster, namespace, name, tmp_path):
    options = ("--leader-elect", f"--operator-namespace={namespace}")
    with running(cluster, tmp_path / "a", name, LONG, *options) as first:
        eventually(lambda: first.metric("rollcall_leader") == 1, "it leads")
        with running(cluster, tmp_path / "b", name, *options) as second:
            first.send_signal(signal.SIGTERM)
            eventually(lambda: second.metric("rollcall_leader") == 1, "the other one leads")
            eventually(
                lambda: first.metric("rollcall_leader") == 0, "and the first one says that it does not"
            )
            assert first.answers(name) == EVERYONE
        end_now(first)


def test_it_ends_by_itself(cluster, name, tmp_path):
    with running(cluster, tmp_path, name, "--lameduck=500ms") as rollcall:
        rollcall.send_signal(signal.SIGTERM)
        eventually(lambda: rollcall.exit_code is not None, "it ends")
        assert rollcall.exit_code == 0


@pytest.mark.parametrize(
    "signals", [(signal.SIGINT,), (signal.SIGTERM,) * 2, (signal.SIGTERM, signal.SIGINT)]
)
def test_nobody_at_a_terminal_waits(cluster, name, tmp_path, signals):
    with running(cluster, tmp_path, name, LONG) as rollcall:
        for number in signals:
            rollcall.send_signal(number)
            if number == signal.SIGTERM:
                eventually(lambda: "no longer ready" in rollcall.text, "it has heard the first signal")
        eventually(lambda: rollcall.exit_code is not None, "it ends")
        assert rollcall.exit_code == 0


@pytest.mark.parametrize("module", ["rollcall.app", "rollcall.serve.worker"])
def test_a_process_that_ends_meanwhile_takes_no_answer_with_it(cluster, name, tmp_path, module):
    with running(cluster, tmp_path, name, LONG) as rollcall:
        before = rollcall.pids(module)
        rollcall.send_signal(signal.SIGTERM)
        eventually(lambda: rollcall.get("/readyz")[0] == 503, "it isn't ready")
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: not set(before) & set(rollcall.pids(module)), "they are gone")
        rollcall.wait_answers(name, EVERYONE)
        end_now(rollcall)


class Client(threading.Thread):
    """Asks 500 times a second, by turns at each of `endpoints`; `lost` are queries that nobody answered."""

    GIVE_UP_SECONDS = SECONDS
    BURST_SECONDS = 0.1  # of what it is late with: more could be too much for the buffer of a socket

    def __init__(self, name: str) -> None:
        super().__init__(daemon=True)
        self.endpoints: tuple[int, ...] = ()
        self.asked = 0
        self.wrong: list[str] = []
        self._query = dns.message.make_query(name, "A").to_wire()
        self._waiting: dict[int, int] = {}  # id to port
        self._sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(32)]
        self._enough = threading.Event()

    def run(self) -> None:
        poll = select.poll()
        by_number = {sock.fileno(): sock for sock in self._sockets}
        for number in by_number:
            poll.register(number, select.POLLIN)
        due = time.monotonic()
        until = float("inf")
        while time.monotonic() < until and (self._waiting or not self._enough.is_set()):
            if self._enough.is_set():
                until = min(until, time.monotonic() + self.GIVE_UP_SECONDS)
            elif due <= time.monotonic():
                due = max(due, time.monotonic() - self.BURST_SECONDS) + 1 / QUERIES_A_SECOND
                self._ask()
            for number, _ in poll.poll(max(0.0, (due - time.monotonic()) * 1000)):
                self._hear(by_number[number].recv(4096))
        for sock in self._sockets:
            sock.close()

    def _ask(self) -> None:
        endpoints = self.endpoints  # another thread exchanges them
        port, number = endpoints[self.asked % len(endpoints)], self.asked & 0xFFFF
        assert number not in self._waiting, "lost: more than two minutes without an answer"
        self._waiting[number] = port
        query = number.to_bytes(2, "big") + self._query[2:]
        self._sockets[self.asked % len(self._sockets)].sendto(query, ("127.0.0.1", port))
        self.asked += 1

    def _hear(self, response: bytes) -> None:
        self._waiting.pop(int.from_bytes(response[:2], "big"))
        if response[3] & 0xF or not int.from_bytes(response[6:8], "big"):
            self.wrong.append(response.hex())

    def finish(self) -> dict[int, int]:
        """Stop asking, and wait for the last answers; return what got none."""
        self._enough.set()
        self.join()
        return self._waiting


def test_a_rolling_update_loses_no_query(cluster, namespace, name, tmp_path):
    """Two replicas are replaced, as the chart does it; who sends the queries hears of an end 3 s late."""
    options = ("--leader-elect", f"--operator-namespace={namespace}", "--lameduck=6s")
    client = Client(name)
    with ExitStack() as stack:

        def start(state: str) -> Rollcall:
            replica: Rollcall = stack.enter_context(running(cluster, tmp_path / state, name, *options))
            client.endpoints += (replica.ports["dns"],)
            return replica

        def forget(replica: Rollcall) -> None:
            client.endpoints = tuple(port for port in client.endpoints if port != replica.ports["dns"])

        old = [start("a"), start("b")]
        client.start()
        for replica in old:
            start(f"new-{replica.ports['dns']}")
            replica.send_signal(signal.SIGTERM)
            late = threading.Timer(LATE_SECONDS, forget, [replica])
            late.start()
            eventually(lambda replica=replica: replica.exit_code is not None, "the old one ends")
            late.join()
        lost = client.finish()
    assert client.asked > QUERIES_A_SECOND * 2 * LATE_SECONDS
    assert json.dumps(lost) == "{}"
    assert client.wrong == []
