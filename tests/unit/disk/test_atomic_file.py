"""A file is replaced at once, or stays as it was."""

from pathlib import Path

import pytest

from rollcall.disk.atomic_file import clear_unfinished, replacing


@pytest.mark.parametrize("durable", [True, False])
def test_the_new_content_is_there_at_the_end_only(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "state"
    path.write_bytes(b"old")
    with replacing(path, durable=durable) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def _refused_half_way() -> bytes:
    raise OSError("full")


def test_after_an_error_the_old_content_stays(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_bytes(b"old")
    with pytest.raises(OSError, match="full"), replacing(path) as file:
        file.write(_refused_half_way())
    assert path.read_bytes() == b"old"
    with replacing(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new"


def test_after_an_error_nothing_is_left_to_fill_the_disk(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="full"), replacing(tmp_path / "state") as file:
        file.writelines(each() for each in (lambda: b"half of it", _refused_half_way))
    assert list(tmp_path.iterdir()) == []


def test_a_link_in_the_place_of_the_unfinished_file_is_not_written_through(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"of somebody else")
    (tmp_path / "state.unfinished").symlink_to(elsewhere)
    with replacing(tmp_path / "state") as file:
        file.write(b"new")
    assert elsewhere.read_bytes() == b"of somebody else"
    assert (tmp_path / "state").read_bytes() == b"new"


def test_what_a_crash_has_left_is_cleared(tmp_path: Path) -> None:
    (tmp_path / "state.unfinished").write_bytes(b"half of it")
    (tmp_path / "state").write_bytes(b"whole")
    clear_unfinished(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["state"]
