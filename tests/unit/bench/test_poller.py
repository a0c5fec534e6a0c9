"""The poller against a small DNS server whose answers the test decides."""

import multiprocessing
import socket
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace

import dns.message
import dns.rrset
import pytest
from bench import poller, stamps
from bench.board import Acknowledgements, Sightings
from bench.poller import Done, Expected, Poll, Task
from bench.questions import question

NAME = "svc.ns.svc.cluster.local"
FIRST, SECOND = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])


class Server:
    """Answers with the sets it was given, one after the other, the last one for ever."""

    def __init__(self, *sets: list[str]) -> None:
        self.sets = list(sets)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            message, client = self.sock.recvfrom(4096)
            if not message:
                return
            response = dns.message.make_response(dns.message.from_wire(message))
            addresses = self.sets.pop(0) if len(self.sets) > 1 else self.sets[0]
            if addresses:
                response.answer.append(dns.rrset.from_text(NAME + ".", 0, "IN", "A", *addresses))
            self.sock.sendto(response.to_wire(), client)

    def stop(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"", self.sock.getsockname())
        self.thread.join()
        self.sock.close()


@pytest.fixture
def serve(request: pytest.FixtureRequest) -> Iterator[type[Server]]:
    servers: list[Server] = []

    class Kept(Server):
        def __init__(self, *sets: list[str]) -> None:
            super().__init__(*sets)
            servers.append(self)

    yield Kept
    for server in servers:
        server.stop()


class Board:
    """What the writer and the poller share."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.written, self.sightings = Acknowledgements(context), Sightings(context)

    def poll(self, server: Server, *pods: tuple[int, bytes, bool], eager: bool, seconds: float = 60) -> Done:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            stamps.switch_on(sock)
            sock.connect(server.sock.getsockname())
            task = Task((Expected(question(NAME), pods),), eager, 200_000, seconds)
            self.armed = 0
            return Poll(sock, 1, task, self.written, self.sightings).run(self._arm)

    def _arm(self) -> None:
        self.armed += 1


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask once, however late the answer is: the machine may be busy."""
    monkeypatch.setattr(poller, "LOST_NS", 60_000_000_000)


def test_a_pod_is_seen_when_the_answer_has_changed(serve: type[Server]) -> None:
    server, board = serve(["10.0.0.1", "10.0.0.2"], ["10.0.0.1", "10.0.0.2"], ["10.0.0.2"]), Board()
    done = board.poll(server, (0, FIRST, False), (1, SECOND, True), eager=True)
    assert (done.missing, done.queries, done.strangers, board.armed) == (0, 3, 0, 1)
    assert 0 < board.sightings.seen[1] < board.sightings.before[0] < board.sightings.seen[0]


def test_a_pod_that_is_never_right_is_missing(serve: type[Server]) -> None:
    board = Board()
    done = board.poll(serve(["10.0.0.1"]), (0, FIRST, False), eager=True, seconds=0.2)
    assert done.missing == 1
    assert board.sightings.seen[0] == 0


def test_an_address_that_nobody_expects_is_counted(serve: type[Server]) -> None:
    assert Board().poll(serve(["10.0.0.1", "10.9.9.9"]), (0, FIRST, True), eager=True).strangers == 1


def test_nothing_is_asked_before_a_write_is_acknowledged(serve: type[Server]) -> None:
    done = Board().poll(serve([]), (0, FIRST, False), eager=False, seconds=0.2)
    assert (done.missing, done.queries) == (1, 0)


def test_only_acknowledged_pods_are_waited_for_until_the_rest_follows(
    serve: type[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    board, began = Board(), time.monotonic_ns()

    def once_it_is_seen_time_passes() -> int:
        return time.monotonic_ns() if board.sightings.seen[1] else began

    clock = SimpleNamespace(
        monotonic_ns=once_it_is_seen_time_passes, process_time=time.process_time, sleep=time.sleep
    )
    monkeypatch.setattr(poller, "time", clock)
    board.written.add(1, 1)
    done = board.poll(serve([]), (0, FIRST, False), (1, SECOND, False), eager=False, seconds=0.2)
    assert done.missing == 1
    assert board.sightings.seen[1]
    assert not board.sightings.seen[0]
