"""Which version of each zone is answered, as the DNS workers confirm them."""

from rollcall.propagation.published import Arrival, Publications, Published
from rollcall.zone import Commit, ZoneDelta

A, B = b"\1a\0", b"\1b\0"
NAMES = {A: "a", B: "b"}


def commit(*deltas: ZoneDelta) -> Commit:
    return Commit(deltas, zones=frozenset(NAMES[delta.apex] for delta in deltas))


def arrival(*zones: str, is_first: bool = False) -> Arrival:
    return Arrival(frozenset(zones), is_first)


def test_nothing_is_published_before_a_worker_says_so() -> None:
    publications = Publications()
    publications.committed(1, commit(ZoneDelta(A, 10)))
    assert publications.get(A) is None
    assert publications.served(1, 5.0) == arrival("a", is_first=True)
    assert publications.get(A) == Published(10, 5.0, 10)


def test_one_word_confirms_all_before_it() -> None:
    publications = Publications()
    publications.committed(1, commit(ZoneDelta(A, 10)))
    publications.committed(2, commit(ZoneDelta(B, 20)))
    publications.committed(3, commit(ZoneDelta(A, 11)))
    assert publications.served(3, 5.0) == arrival("a", "b", is_first=True)
    assert publications.get(A) == Published(11, 5.0, 11)
    assert publications.get(B) == Published(20, 5.0, 20)


def test_what_is_newer_than_the_word_stays_underway() -> None:
    publications = Publications()
    publications.committed(1, commit(ZoneDelta(A, 10)))
    publications.served(1, 5.0)
    publications.committed(2, commit(ZoneDelta(A, 11)))
    assert publications.served(1, 6.0) == arrival()
    assert publications.get(A) == Published(10, 5.0, 10)
    assert publications.served(2, 7.0) == arrival("a")
    assert publications.get(A) == Published(11, 7.0, 10)


def test_a_zone_that_never_rests_is_published_all_the_same() -> None:
    publications = Publications()
    publications.committed(1, commit(ZoneDelta(A, 10)))
    for version in range(1, 2000):
        publications.committed(version + 1, commit(ZoneDelta(A, 10 + version)))
        publications.served(version, float(version))
        assert publications.get(A) == Published(9 + version, float(version), 10)


def test_without_workers_what_waits_for_them_is_bounded() -> None:
    publications = Publications()
    for version in range(1, 5001):
        publications.committed(version, commit(ZoneDelta(A, version), ZoneDelta(B, version)))
    publications.committed(5001, commit(ZoneDelta(B, 5000, gone=True)))
    arrivals = [publications.served(version, 0.0) for version in range(5001)]
    assert [each.is_first for each in arrivals].count(True) == 1, "the first of A"
    assert publications.get(A) == Published(999, 0.0, 1)
    assert publications.served(5001, 1.0) == arrival("a", "b")
    assert publications.get(A) == Published(5000, 1.0, 1)
    assert publications.get(B) is None


def test_a_zone_that_is_withdrawn_is_new_when_it_comes_back() -> None:
    publications = Publications()
    publications.committed(1, commit(ZoneDelta(A, 10)))
    publications.served(1, 5.0)
    publications.committed(2, commit(ZoneDelta(A, 10, gone=True)))
    assert publications.get(A) is None
    publications.committed(3, commit(ZoneDelta(A, 12)))
    assert publications.served(3, 6.0) == arrival("a", is_first=True)
