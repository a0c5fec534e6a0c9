"""What fuzzing has found once is fed for ever: each target, its seeds and its corpus."""

import pytest
from fuzz.target import CORPUS, load, names


@pytest.mark.parametrize("name", names())
def test_a_target_stands_all_that_was_ever_found(name: str, caplog: pytest.LogCaptureFixture) -> None:
    target = load(name)
    for octets in (*target.seeds, *(path.read_bytes() for path in target.corpus(name))):
        target.feed(octets)
    assert not [record.getMessage() for record in caplog.records if record.exc_info]


def test_each_folder_of_the_corpus_is_a_target_s() -> None:
    assert {path.name for path in CORPUS.iterdir()} <= set(names())
