"""Snapshot files: whole, or not used."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from damage import damaged
from owners import OTHER_CLUSTER, OTHER_INSTALLATION, OWNER
from rollcall.disk.errors import Unusable
from rollcall.dnswire.header import Rcode
from rollcall.dnswire.types import Type
from rollcall.model.owner import Owner
from rollcall.serve.answers import Answers
from rollcall.serve.snapshot import read_snapshot, write_snapshot
from rollcall.serve.table import Table
from rollcall.serve.worker import load_snapshot
from rollcall.zone.changes import ZoneDelta
from rollcall.zone.names import from_text
from thorough import examples
from unit.serve.samples import addresses, rrset, zone

WHOLE = [
    zone(
        *(rrset(f"n{index}.example.test.", "A", *addresses(3)) for index in range(600)),
        negative_ttls={"n1.example.test.": 3},
        serial=42,
    ),
    zone(apex="other.test."),
]


def zones(deltas: list[ZoneDelta]) -> Table:
    table = Table()
    for delta in deltas:
        table.apply_delta(delta)
    return table


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "snapshot"


def test_what_was_written_is_read(path: Path) -> None:
    write_snapshot(path, OWNER, WHOLE)

    assert zones(list(read_snapshot(path, OWNER))).zones == zones(WHOLE).zones


def test_no_zones_are_a_state_too(path: Path) -> None:
    write_snapshot(path, OWNER, [])

    assert list(read_snapshot(path, OWNER)) == []


def test_a_new_snapshot_takes_the_place_of_the_old_one_and_nothing_is_left(path: Path) -> None:
    write_snapshot(path, OWNER, WHOLE)
    path.with_name("snapshot.unfinished").write_bytes(b"what a crash left")
    write_snapshot(path, OWNER, WHOLE[1:])

    assert len(list(read_snapshot(path, OWNER))) == 1
    assert list(path.parent.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_one(path: Path) -> None:
    write_snapshot(path, OWNER, WHOLE)

    def broken() -> list[ZoneDelta]:
        raise RuntimeError("no state")

    with pytest.raises(RuntimeError):
        write_snapshot(path, OWNER, (each for _ in range(1) for each in broken()))

    assert zones(list(read_snapshot(path, OWNER))).zones == zones(WHOLE).zones


def test_no_file_is_no_snapshot(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(read_snapshot(path, OWNER))


def answer(path: Path, owner: Owner = OWNER) -> Rcode:
    """Return how a worker that starts with this snapshot answers."""
    answers = Answers(Random(0))
    load_snapshot(answers, path, owner)
    return answers.find(from_text("s.example.test"), Type.A)[0]


def test_a_worker_answers_nothing_from_a_file_with_any_damage(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_snapshot(path, OWNER, [zone(rrset("s.example.test.", "A", "10.0.0.1")), zone(apex="o.test.")])
    assert answer(path) is Rcode.NOERROR
    for octets in damaged(path.read_bytes()):
        path.write_bytes(octets)
        caplog.clear()
        assert answer(path) is Rcode.SERVFAIL
        assert f"snapshot {path} can't be used" in caplog.text


@pytest.mark.parametrize("stranger", [OTHER_CLUSTER, OTHER_INSTALLATION])
def test_a_worker_answers_nothing_of_somebody_else(
    path: Path, stranger: Owner, caplog: pytest.LogCaptureFixture
) -> None:
    write_snapshot(path, OWNER, WHOLE)
    assert answer(path, stranger) is Rcode.SERVFAIL
    assert f"belongs to {OWNER}" in caplog.text


def test_one_of_a_release_before_this_format_is_not_used(path: Path) -> None:
    """It doesn't say whose it is."""
    path.write_bytes(b"rollcall snapshot 1\n" + bytes(12))
    assert answer(path) is Rcode.SERVFAIL


@given(st.data())
@settings(max_examples=examples(100))
def test_a_damaged_one_gives_nothing(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged"
    write_snapshot(path, OWNER, WHOLE)
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[at] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del content[at:]
    path.write_bytes(content)

    with pytest.raises(Unusable):
        list(read_snapshot(path, OWNER))
