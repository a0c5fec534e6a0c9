"""Snapshot files: whole, or not used."""

import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcall.feed.frames import Commit, encode
from rollcall.serve.errors import SnapshotError
from rollcall.serve.snapshot import read_snapshot, write_snapshot
from rollcall.serve.table import Table
from rollcall.zone.changes import ZoneDelta
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
    write_snapshot(path, WHOLE)

    assert zones(list(read_snapshot(path))).zones == zones(WHOLE).zones


def test_no_zones_are_a_state_too(path: Path) -> None:
    write_snapshot(path, [])

    assert list(read_snapshot(path)) == []


def test_a_new_snapshot_takes_the_place_of_the_old_one_and_nothing_is_left(path: Path) -> None:
    write_snapshot(path, WHOLE)
    path.with_name("snapshot.unfinished").write_bytes(b"what a crash left")
    write_snapshot(path, WHOLE[1:])

    assert len(list(read_snapshot(path))) == 1
    assert list(path.parent.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_one(path: Path) -> None:
    write_snapshot(path, WHOLE)

    def broken() -> list[ZoneDelta]:
        raise RuntimeError("no state")

    with pytest.raises(RuntimeError):
        write_snapshot(path, (each for _ in range(1) for each in broken()))

    assert zones(list(read_snapshot(path))).zones == zones(WHOLE).zones


def test_no_file_is_no_snapshot(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(read_snapshot(path))


@pytest.mark.parametrize(
    "content",
    [b"", b"x", b"rollcall snapshot 1\n", b"rollcall snapshot 2\n" + bytes(12)],
    ids=["empty", "a byte", "only the first line", "a later version"],
)
def test_what_is_no_snapshot_of_this_version_says_so(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with pytest.raises(SnapshotError, match="snapshot is"):
        list(read_snapshot(path))


def test_frames_of_another_kind_are_refused(path: Path) -> None:
    frame = encode(Commit(1))
    path.write_bytes(b"rollcall snapshot 1\n" + frame + struct.pack("!QI", len(frame), zlib.crc32(frame)))

    with pytest.raises(SnapshotError):
        list(read_snapshot(path))


@given(st.data())
@settings(max_examples=examples(100))
def test_a_damaged_one_gives_nothing(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged"
    write_snapshot(path, WHOLE)
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[at] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del content[at:]
    path.write_bytes(content)

    with pytest.raises(SnapshotError):
        next(read_snapshot(path))
