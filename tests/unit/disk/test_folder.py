"""The lock of a folder: one process and its children have it, until the last of them has ended."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from damage import damaged
from owners import OTHER_INSTALLATION, OWNER
from rollcall.disk.errors import FolderInUse
from rollcall.disk.folder import LOCK, Hold, hold, hold_abandoned

HOLD = """
    import subprocess, sys, pathlib
    from owners import OWNER
    from rollcall.disk.folder import hold
    held = hold(pathlib.Path(sys.argv[1]), OWNER)
    {then}
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(folder: Path, then: str = "") -> Iterator["subprocess.Popen[str]"]:
    """Run a process that holds a folder until its input ends."""
    program = textwrap.dedent(HOLD.format(then=then))
    with subprocess.Popen(
        [sys.executable, "-c", program, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_process_is_told_who_has_it(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "for it"
    with holder(folder) as first, pytest.raises(FolderInUse) as told:
        hold(folder, OTHER_INSTALLATION)  # at once: the other one is seen to run
    for fact in (str(folder), str(first.pid), repr(OWNER.identity), OWNER.cluster.server):
        assert fact in str(told.value)


def test_it_is_free_when_its_holder_was_killed(tmp_path: Path) -> None:
    with holder(tmp_path) as first:
        first.kill()
        first.wait()
        hold(tmp_path, OWNER).release()


def test_a_child_that_has_inherited_it_holds_it_on(tmp_path: Path) -> None:
    with holder(tmp_path, "subprocess.Popen(['cat'], pass_fds=[held.fileno()])") as first:
        first.kill()
        first.wait()
        with pytest.raises(FolderInUse):
            hold(tmp_path, OWNER, wait_seconds=0)
        assert first.stdin is not None
        first.stdin.close()  # the end of the child
        hold(tmp_path, OWNER).release()  # which it waits for


def test_it_is_ours_again_after_we_let_it_go(tmp_path: Path) -> None:
    with hold(tmp_path, OWNER):
        assert hold_abandoned(tmp_path) is None
    with hold(tmp_path, OWNER):
        pass


def test_a_lock_file_with_any_damage_keeps_nobody_out_and_says_nothing_wrong(tmp_path: Path) -> None:
    with hold(tmp_path, OWNER):
        pass
    lock = tmp_path / LOCK
    for octets in damaged(lock.read_bytes()):
        lock.write_bytes(octets)
        with hold(tmp_path, OWNER):
            signed = lock.read_bytes()
            lock.write_bytes(octets)
            with pytest.raises(FolderInUse):
                hold(tmp_path, OWNER, wait_seconds=0)
            lock.write_bytes(signed)


def test_a_folder_that_can_not_be_made_or_locked_is_an_error_of_the_disk(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="Not a directory"):
        hold(tmp_path / "file" / "folder", OWNER)
    (tmp_path / LOCK).symlink_to(tmp_path / "file")
    with pytest.raises(OSError, match="symbolic links"):
        hold(tmp_path, OWNER)


def test_a_folder_that_nobody_ever_held_is_not_abandoned(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        hold_abandoned(tmp_path)
    (tmp_path / LOCK).touch()
    assert hold_abandoned(tmp_path) is None


def test_one_whose_holder_has_ended_is(tmp_path: Path) -> None:
    hold(tmp_path, OWNER).release()
    held = hold_abandoned(tmp_path)
    assert isinstance(held, Hold)
    held.release()
