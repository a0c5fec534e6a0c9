"""Which version of each zone is answered, as the DNS workers confirm them."""

from rollcall.propagation.answered import AnsweredVersion, AnsweredVersions, Arrival
from rollcall.zone import Commit, ZoneDelta

A, B = b"\1a\0", b"\1b\0"
NAMES = {A: "a", B: "b"}


def commit(*deltas: ZoneDelta) -> Commit:
    return Commit(deltas, zones=frozenset(NAMES[delta.apex] for delta in deltas))


def arrival(*zones: str, is_first: bool = False) -> Arrival:
    return Arrival(frozenset(zones), is_first)


def test_nothing_is_answered_before_a_worker_says_so() -> None:
    answered = AnsweredVersions()
    answered.on_committed(1, commit(ZoneDelta(A, 10)), None)
    assert answered.get(A) is None
    assert answered.on_answered(1, 5.0) == arrival("a", is_first=True)
    assert answered.get(A) == AnsweredVersion(10, 5.0, 10)


def test_one_word_confirms_all_before_it() -> None:
    answered = AnsweredVersions()
    answered.on_committed(1, commit(ZoneDelta(A, 10)), None)
    answered.on_committed(2, commit(ZoneDelta(B, 20)), None)
    answered.on_committed(3, commit(ZoneDelta(A, 11)), None)
    assert answered.on_answered(3, 5.0) == arrival("a", "b", is_first=True)
    assert answered.get(A) == AnsweredVersion(11, 5.0, 11)
    assert answered.get(B) == AnsweredVersion(20, 5.0, 20)


def test_what_is_newer_than_the_word_stays_underway() -> None:
    answered = AnsweredVersions()
    answered.on_committed(1, commit(ZoneDelta(A, 10)), None)
    answered.on_answered(1, 5.0)
    answered.on_committed(2, commit(ZoneDelta(A, 11)), None)
    assert answered.on_answered(1, 6.0) == arrival()
    assert answered.get(A) == AnsweredVersion(10, 5.0, 10)
    assert answered.on_answered(2, 7.0) == arrival("a")
    assert answered.get(A) == AnsweredVersion(11, 7.0, 10)


def test_a_zone_that_never_rests_is_answered_all_the_same() -> None:
    answered = AnsweredVersions()
    answered.on_committed(1, commit(ZoneDelta(A, 10)), None)
    for version in range(1, 2000):
        answered.on_committed(version + 1, commit(ZoneDelta(A, 10 + version)), None)
        answered.on_answered(version, float(version))
        assert answered.get(A) == AnsweredVersion(9 + version, float(version), 10)


def test_without_workers_what_waits_for_them_is_bounded() -> None:
    answered = AnsweredVersions()
    for version in range(1, 5001):
        answered.on_committed(version, commit(ZoneDelta(A, version), ZoneDelta(B, version)), None)
    answered.on_committed(5001, commit(ZoneDelta(B, 5000, gone=True)), None)
    arrivals = [answered.on_answered(version, 0.0) for version in range(5001)]
    assert [each.is_first for each in arrivals].count(True) == 1, "the first of A"
    assert answered.get(A) == AnsweredVersion(999, 0.0, 1)
    assert answered.on_answered(5001, 1.0) == arrival("a", "b")
    assert answered.get(A) == AnsweredVersion(5000, 1.0, 1)
    assert answered.get(B) is None


def test_a_zone_that_is_withdrawn_is_new_when_it_comes_back() -> None:
    answered = AnsweredVersions()
    answered.on_committed(1, commit(ZoneDelta(A, 10)), None)
    answered.on_answered(1, 5.0)
    answered.on_committed(2, commit(ZoneDelta(A, 10, gone=True)), None)
    assert answered.get(A) is None
    answered.on_committed(3, commit(ZoneDelta(A, 12)), None)
    assert answered.on_answered(3, 6.0) == arrival("a", is_first=True)
