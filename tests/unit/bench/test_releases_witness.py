"""The witness against a small DNS server, over UDP and over TCP."""

import itertools
import multiprocessing
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack

import dns.message
import dns.rdatatype
import pytest
from bench.questions import SRV, A, question
from bench.releases import witness
from bench.releases.sides import Side
from bench.releases.timeline import Record
from bench.releases.witness import SOCKETS, Armed, Stop, Watch, Witness, connected

from unit.bench import nameserver
from unit.bench.nameserver import Answering, response

NAME = "web.ns.svc.cluster.local"
SIDES = {bytes((10, 0, 0, 1)): Side.FIRST, bytes((10, 0, 1, 1)): Side.SECOND, b"10-0-0-1": Side.FIRST}
LIMIT_SECONDS = 60.0

Serving = Callable[[Answering], AbstractContextManager[int]]
QUERIES = question(NAME), question(f"_http._tcp.{NAME}", SRV)


class Clock:
    """The time of a witness; it stands still while `still` is set."""

    def __init__(self) -> None:
        self.still: int | None = None

    def monotonic_ns(self) -> int:
        return self.still or time.monotonic_ns()

    def time_ns(self) -> int:
        return time.time_ns()


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(witness, "time", made)
    monkeypatch.setattr(witness, "LOST_NS", 50_000_000)
    return made


def watch(
    clock: Clock,
    serving: Serving,
    answering: Answering,
    enough: threading.Event,
    queries: tuple[bytes, ...] = QUERIES[:1],
    lost: int = 0,
) -> Record:
    """Let a witness watch until the server has had enough, and all is answered but what will be lost."""
    ours, theirs = multiprocessing.Pipe()
    records: list[Record] = []

    with ExitStack() as stack:
        stack.enter_context(ours)
        stack.enter_context(theirs)
        port = stack.enter_context(serving(answering))
        asked = Watch(port, queries, serving is nameserver.tcp, SIDES)
        sockets = [stack.enter_context(connected(asked)) for _ in range(SOCKETS)]
        watching = Witness(asked, sockets)
        thread = threading.Thread(target=lambda: records.append(watching.run(theirs)))
        thread.start()
        assert enough.wait(LIMIT_SECONDS)
        clock.still = time.monotonic_ns()
        ours.send(Stop())
        deadline = time.monotonic() + LIMIT_SECONDS
        while theirs.poll() or len(watching._sent) > lost:  # the Stop not taken yet, or answers on the way
            assert thread.is_alive()
            assert time.monotonic() < deadline
            time.sleep(0.001)
        clock.still = None
        thread.join()
        if ours.poll():
            assert isinstance(ours.recv(), Armed)
        for sock in sockets:
            sock.close()
    return records[0]


@pytest.mark.parametrize("serving", [nameserver.udp, nameserver.tcp])
def test_each_answer_is_noted_with_what_it_shows(serving: Serving, clock: Clock) -> None:
    addresses = itertools.chain(["10.0.0.1"] * 50, ["10.0.1.1"] * 50, itertools.repeat(""))
    enough = threading.Event()

    def answer(query: dns.message.Message) -> list[bytes]:
        address = next(addresses)
        if not address:
            enough.set()
        return [response(query, *([f"{NAME}. 0 IN A {address}"] if address else [])).to_wire()]

    record = watch(clock, serving, answer, enough)
    assert record.lost == 0
    assert (record.sides.count(Side.FIRST), record.sides.count(Side.SECOND)) == (50, 50)
    assert record.sides.count(Side.EMPTY) == len(record.sides) - 100 > 0
    assert set(record.sockets) == set(range(SOCKETS))
    assert all(sent <= received for sent, received in zip(record.sent_ns, record.received_ns, strict=True))


def test_questions_take_turns_on_every_socket(clock: Clock) -> None:
    asked: list[int] = []
    enough = threading.Event()

    def answer(query: dns.message.Message) -> list[bytes]:
        asked.append(query.question[0].rdtype)
        if len(asked) == 4 * SOCKETS:
            enough.set()
        return [response(query).to_wire()]

    watch(clock, nameserver.udp, answer, enough, QUERIES)
    assert asked[: 4 * SOCKETS] == ([A] * SOCKETS + [SRV] * SOCKETS) * 2


def test_what_never_comes_is_lost(clock: Clock) -> None:
    numbers = itertools.count()
    enough = threading.Event()

    def answer(query: dns.message.Message) -> list[bytes]:
        number = next(numbers)
        if number == 100:
            enough.set()
        return [] if number in (3, 5) else [response(query, f"{NAME}. 0 IN A 10.0.0.1").to_wire()]

    record = watch(clock, nameserver.udp, answer, enough, lost=2)
    assert record.lost == 2
    assert record.sides.count(Side.FIRST) == len(record.sides) >= 99


def test_an_answer_to_no_question_of_ours_is_passed_over(clock: Clock) -> None:
    numbers = itertools.count()
    enough = threading.Event()

    def answer(query: dns.message.Message) -> list[bytes]:
        if next(numbers) == 100:
            enough.set()
        good = response(query, f"{NAME}. 0 IN A 10.0.0.1").to_wire()
        stray = ((query.id + 30_000) % 65_536).to_bytes(2, "big") + good[2:]
        return [stray, good]

    record = watch(clock, nameserver.udp, answer, enough)
    assert record.lost == 0
    assert record.sides.count(Side.FIRST) == len(record.sides)
