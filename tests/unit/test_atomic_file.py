"""A file is replaced at once, or stays as it was."""

from pathlib import Path

import pytest

from rollcall.atomic_file import replacing


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
