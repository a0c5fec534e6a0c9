"""The folder of sockets: gone at an orderly end, and at the next start after any other."""

import errno
import socket
import tempfile
from pathlib import Path

import pytest

from owners import OWNER
from rollcall.config import Config
from rollcall.disk.runtime_folder import clear_abandoned, runtime_folder
from unit.disk.test_folder import holder


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_it_is_there_for_as_long_as_it_is_used(tmp_path: Path) -> None:
    with runtime_folder(OWNER) as folder:
        (folder / "feed.sock").touch()
        assert folder.parent == tmp_path
        assert folder.stat().st_mode & 0o077 == 0
        with runtime_folder(OWNER) as another:
            assert folder != another
        assert (folder / "feed.sock").exists(), "a second one clears none that is in use"
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_has_left_is_removed_by_the_next(tmp_path: Path) -> None:
    left = tmp_path / "rollcall.killed"
    with holder(left) as process:
        (left / "feed.sock").touch()
        clear_abandoned()
        assert left.exists()
        process.kill()
        process.wait()
        with runtime_folder(OWNER) as folder:
            assert list(tmp_path.iterdir()) == [folder]


def test_a_path_too_long_for_sockets_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = tmp_path / ("x" * 100)
    far.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(far))
    with pytest.raises(OSError, match="octets, and may have 97") as caught, runtime_folder(OWNER):
        pass
    assert caught.value.errno == errno.ENAMETOOLONG
    assert list(far.iterdir()) == []


def test_the_longest_path_has_room_for_every_socket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that is let pass must do, with the names that are used."""
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        far = Path(short) / ("x" * (97 - len(short) - 2 - len("rollcall.01234567")))
        far.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(far))
        with runtime_folder(OWNER) as folder:
            assert len(str(folder)) == 97
            config = Config(state_dir=folder, runtime_dir=folder)
            for path in (config.feed_path, config.transfer_feed_path):
                with socket.socket(socket.AF_UNIX) as sock:
                    sock.bind(str(path))


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    (tmp_path / "rollcall.of-a-user").mkdir()
    (tmp_path / "rollcall.of-a-user" / "work").touch()
    (tmp_path / "rollcall.locked").mkdir()
    (tmp_path / "rollcall.locked" / "lock").write_text("somebody else's format")
    (tmp_path / "rollcall.file").touch()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "rollcall.link").symlink_to(tmp_path / "elsewhere")
    before = sorted(tmp_path.rglob("*"))
    clear_abandoned()
    assert sorted(tmp_path.rglob("*")) == before
