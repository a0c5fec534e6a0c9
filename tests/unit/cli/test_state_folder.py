"""The folder for state of `rollcall run`: one for each installation, and one process in each."""

from pathlib import Path

import click
import pytest

from owners import OTHER_INSTALLATION, OWNER
from rollcall.cli.state_folder import default_state_dir, held
from rollcall.model.owner import ClusterName, Owner


def test_without_a_word_each_installation_and_each_cluster_has_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    elsewhere = Owner(OWNER.identity, ClusterName("https://elsewhere.example"))
    folders = {default_state_dir(owner) for owner in (OWNER, OTHER_INSTALLATION, elsewhere)}
    assert len(folders) == 3
    assert {folder.parent for folder in folders} == {tmp_path / "rollcall"}


def test_it_stays_the_same_while_certificates_are_rotated(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    rotated = Owner(OWNER.identity, ClusterName(OWNER.cluster.server, ("new",)))
    assert default_state_dir(rotated) == default_state_dir(OWNER)


def test_a_second_one_is_told_whose_it_is_and_what_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rollcall.disk.folder.WAIT_SECONDS", 0)
    with (
        held(tmp_path, OWNER),
        pytest.raises(click.ClickException) as told,
        held(tmp_path, OTHER_INSTALLATION),
    ):
        pass
    for fact in (str(tmp_path), "process", repr(OWNER.identity), OWNER.cluster.server, "--state-dir"):
        assert fact in told.value.message


def test_what_a_crash_has_left_is_cleared(tmp_path: Path) -> None:
    (tmp_path / "answers.snapshot.unfinished").write_bytes(b"half of it")
    (tmp_path / "answers.snapshot").write_bytes(b"whole")
    with held(tmp_path, OWNER):
        assert not (tmp_path / "answers.snapshot.unfinished").exists()
        assert (tmp_path / "answers.snapshot").exists()


def test_a_folder_that_can_not_be_used_is_said_and_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    with held(tmp_path / "file" / "folder", OWNER) as lock:
        assert lock is None
    assert f"{tmp_path}/file/folder can't be locked (Not a directory)" in caplog.text
    assert "--state-dir" in caplog.text
