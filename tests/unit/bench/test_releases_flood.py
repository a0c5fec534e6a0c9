"""Counting what many answers hold, and asking for them."""

import itertools

import dns.message
import pytest
from bench.questions import question
from bench.releases import flood
from bench.releases.flood import SOCKETS, WINDOW, Tally, ask

from unit.bench import nameserver
from unit.bench.nameserver import response

NAME = "web.ns.svc.cluster.local"
QUERY = question(NAME)
ONE, TWO, THREE = (bytes((10, 0, 0, number)) for number in (1, 2, 3))


def answer(*numbers: int, query: dns.message.Message | None = None) -> bytes:
    """Answer with these addresses, in this order, as Rollcall writes them; one may be there twice."""
    made = response(query or dns.message.from_wire(QUERY)).to_wire()
    counts = b"\0\1" + len(numbers).to_bytes(2, "big") + b"\0\0\0\1"
    records = b"".join(b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4" + bytes((10, 0, 0, number)) for number in numbers)
    end = len(QUERY) - 11
    return made[:4] + counts + made[12:end] + records + made[end:]


def test_first_places_and_members_are_counted() -> None:
    tally = Tally(QUERY, 2)
    for numbers in ((1, 2), (1, 3), (2, 1)):
        tally.take(answer(*numbers))
    assert tally.firsts == {ONE: 2, TWO: 1}
    assert tally.members == {ONE: 3, TWO: 2, THREE: 1}
    assert (tally.answers, tally.odd, tally.repeated) == (3, 0, 0)


def test_one_address_twice_is_told() -> None:
    tally = Tally(QUERY, 2)
    tally.take(answer(2, 2))
    assert (tally.repeated, tally.firsts, tally.members) == (1, {}, {})


@pytest.mark.parametrize(
    "message",
    [
        answer(1),
        answer(1, 2, 3),
        answer(),
        answer(1, 2)[:-1],
        answer(1, 2)[:3] + b"\x82" + answer(1, 2)[4:],
        b"",
    ],
    ids=["too few", "too many", "none", "cut off", "SERVFAIL", "nothing"],
)
def test_an_answer_of_another_form_is_odd(message: bytes) -> None:
    tally = Tally(QUERY, 2)
    tally.take(message)
    assert (tally.odd, tally.firsts) == (1, {})


def test_our_idea_of_an_answer_is_that_of_dnspython() -> None:
    query = dns.message.from_wire(QUERY)
    made = response(query, f"{NAME}. 0 IN A 10.0.0.1", f"{NAME}. 0 IN A 10.0.0.2")
    tally = Tally(QUERY, 2)
    tally.take(made.to_wire())
    assert (tally.odd, set(tally.members)) == (0, {ONE, TWO})


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for every answer: the machine may be busy."""
    monkeypatch.setattr(flood, "_SILENT_SECONDS", 60.0)


@pytest.mark.parametrize("number", [1, SOCKETS * WINDOW * 3 + 1])
def test_so_many_questions_are_asked_and_answered(number: int) -> None:
    tally = Tally(QUERY, 1)
    with nameserver.udp(lambda query: [answer(1, query=query)]) as port:
        assert ask(port, QUERY, number, tally) == 0
    assert tally.firsts == {ONE: number}


def test_what_never_comes_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    class Impatient(Tally):
        """Ends the waiting once all is here that was answered."""

        def take(self, message: bytes) -> None:
            super().take(message)
            if self.answers == 993:
                monkeypatch.setattr(flood, "_SILENT_SECONDS", 0.01)

    numbers = itertools.count()
    tally = Impatient(QUERY, 1)
    with nameserver.udp(lambda query: [] if next(numbers) < 7 else [answer(1, query=query)]) as port:
        assert ask(port, QUERY, 1_000, tally) == 7
    assert tally.answers == 993
