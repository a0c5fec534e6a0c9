"""When a version that is lower than what was seen is believed."""

import pytest

from rollcall.kube import BadAnswer
from rollcall.watch.versions import Versions, read_version


def seen(version: int) -> Versions:
    versions = Versions()
    versions.check(version, 0.0)
    return versions


def believed(versions: Versions, reads: list[tuple[float, int]]) -> list[bool]:
    answers = []
    for now, version in reads:
        try:
            versions.check(version, now)
            answers.append(True)
        except BadAnswer:
            answers.append(False)
    return answers


def test_a_version_that_is_not_lower_is_taken() -> None:
    assert believed(seen(100), [(0, 100), (1, 101), (2, 101)]) == [True, True, True]


def test_a_copy_that_stands_still_is_never_believed() -> None:
    assert not any(believed(seen(100), [(10.0 * number, 90) for number in range(1000)]))


def test_a_server_that_goes_on_from_a_backup_is_believed_after_a_while() -> None:
    reads = [(0.0, 90), (5.0, 91), (9.9, 92), (10.0, 93), (11.0, 94)]
    assert believed(seen(100), reads) == [False, False, False, True, True]


def test_however_slowly_it_writes() -> None:
    reads = [(0.0, 90), (5.0, 90), (20.0, 91), (25.0, 91), (40.0, 92)]
    assert believed(seen(100), reads) == [False, False, False, False, True]


def test_a_cache_that_is_renewed_and_soon_not_behind_starts_the_count_anew() -> None:
    reads = [(0.0, 90), (6.0, 95), (12.0, 101), (18.0, 97), (24.0, 99), (30.0, 102)]
    assert believed(seen(100), reads) == [False, False, True, False, False, True]


def test_one_that_goes_back_further_starts_the_count_anew() -> None:
    reads = [(0.0, 90), (6.0, 91), (12.0, 50), (18.0, 51), (20.0, 52), (22.0, 53)]
    assert believed(seen(100), reads) == [False, False, False, False, False, True]


def test_a_watch_that_tells_of_new_versions_has_not_gone_back() -> None:
    versions = seen(100)
    assert believed(versions, [(0.0, 90), (6.0, 91)]) == [False, False]
    versions.see(101)
    assert believed(versions, [(12.0, 92), (18.0, 93)]) == [False, False]


def test_what_is_wrong_names_both_versions() -> None:
    with pytest.raises(BadAnswer, match=r"a list of version 90, and 100 had been seen"):
        seen(100).check(90, 0.0)


@pytest.mark.parametrize("text", ["", "0", "007", "-7", "+7", "7_0", "1e9", " 9", "٣", "9" * 25])
def test_what_is_no_version_of_the_api_servers_is_not_read_as_one(text: str) -> None:
    """007 would be seen as the newest, and keep out every list until it is reached."""
    with pytest.raises(BadAnswer, match="not a number of the API server's"):
        read_version(text)
