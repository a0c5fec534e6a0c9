"""Whole files: what was written comes back or is not used, and what can't be is out of the way."""

import os
import struct
from pathlib import Path

import msgspec
import pytest

from damage import damaged
from owners import OTHER_CLUSTER, OTHER_INSTALLATION, OWNER
from rollcall.disk.errors import Foreign, Unusable
from rollcall.disk.frames import MAX_FRAME, FileKind, whole
from rollcall.disk.state_file import check, read, set_aside, write
from rollcall.model.owner import ClusterName, Owner

WORDS = FileKind[str]("words", 1, str)
VALUES = ["one", "two", "zwölf"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "words.state"


def test_what_was_written_is_read(path: Path) -> None:
    write(path, WORDS, OWNER, VALUES)
    assert list(read(path, WORDS, OWNER)) == VALUES
    check(path, WORDS, OWNER)


def test_nothing_is_a_content_too(path: Path) -> None:
    write(path, WORDS, OWNER, [])
    assert list(read(path, WORDS, OWNER)) == []


def test_its_first_line_says_to_people_what_it_is(path: Path) -> None:
    write(path, WORDS, OWNER, VALUES)
    assert path.read_bytes().startswith(b"rollcall state 1\n")


def test_nobody_else_can_read_it(path: Path) -> None:
    write(path, WORDS, OWNER, VALUES)
    assert path.stat().st_mode & 0o077 == 0


def test_any_octet_changed_missing_or_too_many_is_noticed(path: Path) -> None:
    """And what is read before that is what was written."""
    for octets in damaged(b"".join(whole(WORDS, OWNER, VALUES))):
        path.write_bytes(octets)
        found: list[str] = []
        with pytest.raises(Unusable):
            found.extend(read(path, WORDS, OWNER))
        assert found == VALUES[: len(found)]
        with pytest.raises(Unusable):
            check(path, WORDS, OWNER)


def test_frames_in_another_order_are_noticed(path: Path) -> None:
    swapped = b"".join(whole(WORDS, OWNER, ["ab", "cd"]))
    frames = [bytes(frame) for frame in _frames(swapped)]
    frames[1], frames[2] = frames[2], frames[1]
    path.write_bytes(swapped[: len(swapped) - sum(map(len, frames))] + b"".join(frames))
    with pytest.raises(Unusable, match="damaged"):
        list(read(path, WORDS, OWNER))


def _frames(octets: bytes) -> list[bytes]:
    found = []
    at = octets.index(b"\n") + 1
    while at < len(octets):
        end = at + 8 + int.from_bytes(octets[at : at + 4], "big")
        found.append(octets[at:end])
        at = end
    return found


@pytest.mark.parametrize(("stranger", "told"), [(OTHER_CLUSTER, "b2"), (OTHER_INSTALLATION, "another")])
def test_what_is_somebody_elses_is_refused(path: Path, stranger: Owner, told: str) -> None:
    write(path, WORDS, stranger, VALUES)
    with pytest.raises(Foreign, match=told):
        list(read(path, WORDS, OWNER))
    with pytest.raises(Foreign):
        check(path, WORDS, OWNER)


def test_a_cluster_whose_authority_is_being_replaced_is_the_same_one(path: Path) -> None:
    (old,) = OWNER.cluster.authorities
    both = Owner(OWNER.identity, ClusterName(OWNER.cluster.server, (old, "c3")))
    write(path, WORDS, OWNER, VALUES)
    assert list(read(path, WORDS, both)) == VALUES


def test_another_kind_and_another_version_are_told_apart(path: Path) -> None:
    write(path, FileKind[str]("numbers", 1, str), OWNER, VALUES)
    with pytest.raises(Unusable, match="file of numbers, not of words"):
        list(read(path, WORDS, OWNER))
    write(path, FileKind[str]("words", 2, str), OWNER, VALUES)
    with pytest.raises(Unusable, match="version 2"):
        list(read(path, WORDS, OWNER))


def test_values_of_another_type_are_unusable(path: Path) -> None:
    write(path, FileKind[int]("words", 1, int), OWNER, [1])
    with pytest.raises(Unusable):
        list(read(path, WORDS, OWNER))


def test_text_that_is_none_is_unusable(path: Path) -> None:
    write(path, FileKind[msgspec.Raw]("words", 1, msgspec.Raw), OWNER, [msgspec.Raw(b"\xa1\xff")])
    with pytest.raises(Unusable):
        list(read(path, WORDS, OWNER))


@pytest.mark.parametrize(
    "content", [b"", b"x", b"rollcall state 1\n", b"rollcall snapshot 1\n" + bytes(12), bytes(99)]
)
def test_what_is_no_file_of_ours_is_unusable(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(Unusable):
        list(read(path, WORDS, OWNER))


def test_no_file_is_told_from_a_damaged_one(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(read(path, WORDS, OWNER))


@pytest.mark.parametrize("length", [1 << 30, MAX_FRAME])
def test_a_length_that_is_not_true_takes_no_memory(path: Path, length: int) -> None:
    """The file seems to be as long as that: a frame is read only up to a limit, and not beyond the file."""
    octets = b"".join(whole(WORDS, OWNER, []))[:-8]
    path.write_bytes(octets + struct.pack("!II", length, 0))
    if length > MAX_FRAME:
        os.truncate(path, 2 * length)
    with pytest.raises(Unusable):
        list(read(path, WORDS, OWNER))


def test_a_value_that_is_too_long_is_refused_and_the_old_file_stays(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path, WORDS, OWNER, VALUES)
    monkeypatch.setattr("rollcall.disk.frames.MAX_FRAME", 200)
    with pytest.raises(OSError, match="more than a frame"):
        write(path, WORDS, OWNER, ["x" * 300])
    assert list(read(path, WORDS, OWNER)) == VALUES


def test_pipes_folders_and_links_are_not_read(path: Path, tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", WORDS, OWNER, VALUES)
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Unusable, match="symbolic link"):
        list(read(path, WORDS, OWNER))
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(Unusable, match="not a regular file"):
        list(read(path, WORDS, OWNER))
    path.unlink()
    path.mkdir()
    with pytest.raises(Unusable, match="not a regular file"):
        list(read(path, WORDS, OWNER))


def test_what_is_set_aside_can_be_looked_at_and_is_said(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.write_bytes(b"older")
    set_aside(path, Unusable("is old"), "so be it")
    path.write_bytes(b"damaged")
    set_aside(path, Unusable("is damaged"), "nothing is known")
    assert [each.name for each in path.parent.iterdir()] == ["words.state.set-aside"]
    assert path.with_name("words.state.set-aside").read_bytes() == b"damaged"
    assert f"{path} is damaged, and is set aside as words.state.set-aside: nothing is known" in caplog.text


def test_a_disk_that_takes_nothing_aside_ends_nothing(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    set_aside(path / "below", OSError(5, "Input/output error"), "nothing is known")
    assert "can't be read (Input/output error), and can't be set aside" in caplog.text
