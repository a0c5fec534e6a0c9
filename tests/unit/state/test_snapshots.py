"""The last answers and files on disk: what a start makes of them, and what is said of a disk that refuses."""

import asyncio
import errno
from pathlib import Path

import pytest

from damage import damaged
from owners import OTHER_CLUSTER, OTHER_INSTALLATION, OWNER
from rollcall.directory import Directory
from rollcall.disk.state_file import read
from rollcall.model import Key
from rollcall.model.owner import Owner
from rollcall.publish.file_store import FileStore, NotSynced
from rollcall.serve.snapshot import read_snapshot, write_snapshot
from rollcall.state import snapshots as snapshots_module
from rollcall.state.snapshots import FILES, Snapshots
from rollcall.zone import Installation, Zones
from unit.publish.files.builders import file, instance, members
from waiting import until

KEY = Key("shop", "mine")
WEB = members("web", instance(1))


def made(folder: Path, owner: Owner = OWNER) -> tuple[Snapshots, FileStore]:
    store = FileStore()
    zones = Zones(Directory(), Installation(owner.identity))
    return Snapshots(folder / "answers.snapshot", folder / "files.snapshot", owner, zones, store), store


async def written(folder: Path, owner: Owner = OWNER) -> None:
    snapshots, store = made(folder, owner)
    store.put_file(file("hosts", name=KEY.name), [WEB])
    assert await snapshots.write()


async def served(folder: Path) -> str | None:
    """Return the text of the file after a start, None where it is unknown."""
    snapshots, store = made(folder)
    await snapshots.restore()
    try:
        return (await store.current(KEY)).rendering.text
    except NotSynced:
        return None


async def test_files_and_answers_are_there_after_a_restart(tmp_path: Path) -> None:
    await written(tmp_path)
    assert "10.0.0.1" in (await served(tmp_path) or "")
    snapshots, _ = made(tmp_path)
    await snapshots.restore()
    assert snapshots.has_answers


async def test_a_first_start_says_nothing_of_files_that_are_not_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    snapshots, store = made(tmp_path)
    await snapshots.restore()
    assert not snapshots.has_answers
    assert list(await store.export()) == []
    assert caplog.text == ""


async def test_any_damage_of_files_serves_nothing_and_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await written(tmp_path)
    path = tmp_path / "files.snapshot"
    for octets in damaged(path.read_bytes()):
        path.write_bytes(octets)
        caplog.clear()
        assert await served(tmp_path) is None
        assert f"{path} " in caplog.text
        assert "set aside" in caplog.text
        assert not path.exists()


async def test_any_damage_of_answers_is_said_and_they_are_out_of_the_way(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The workers notice it themselves; here it decides whether we are ready."""
    await written(tmp_path)
    path = tmp_path / "answers.snapshot"
    for octets in damaged(path.read_bytes()):
        path.write_bytes(octets)
        caplog.clear()
        snapshots, _ = made(tmp_path)
        await snapshots.restore()
        assert not snapshots.has_answers
        assert "set aside" in caplog.text
        assert not path.exists()


@pytest.mark.parametrize("stranger", [OTHER_CLUSTER, OTHER_INSTALLATION])
async def test_two_installations_of_one_folder_serve_nothing_of_each_other(
    tmp_path: Path, stranger: Owner, caplog: pytest.LogCaptureFixture
) -> None:
    await written(tmp_path, stranger)
    snapshots, store = made(tmp_path)
    await snapshots.restore()
    assert not snapshots.has_answers
    assert list(await store.export()) == []
    assert caplog.text.count(f"belongs to {stranger}") == 2


async def test_what_a_release_before_this_format_left_is_set_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither file says whose it is."""
    (tmp_path / "answers.snapshot").write_bytes(b"rollcall snapshot 1\n" + bytes(12))
    (tmp_path / "files.snapshot").write_bytes(b"\x90")
    snapshots, _ = made(tmp_path)
    await snapshots.restore()
    assert not snapshots.has_answers
    assert caplog.text.count("earlier one, and is set aside") == 2


async def test_a_disk_that_refuses_is_said_once_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(snapshots_module, "REST_SECONDS", 0.001)
    monkeypatch.setattr(snapshots_module, "RETRY_SECONDS", 0.001)
    caplog.set_level("INFO")
    tries = 0

    def full(*_: object) -> None:
        nonlocal tries
        tries += 1
        raise OSError(errno.ENOSPC, "No space left on device")

    snapshots, store = made(tmp_path)
    store.put_file(file("hosts", name=KEY.name), [WEB])
    with monkeypatch.context() as patch:
        patch.setattr(snapshots_module, "write_snapshot", full)
        running = asyncio.ensure_future(snapshots.run())
        snapshots.on_files_collected()
        await until(lambda: tries > 3)
    await until(lambda: "written again" in caplog.text)
    running.cancel()
    assert caplog.text.count("No space left on device") == 1
    assert len(list(read(tmp_path / "files.snapshot", FILES, OWNER))) == 1


async def test_a_file_that_is_deleted_meanwhile_is_written_with_the_next_change(tmp_path: Path) -> None:
    snapshots, _ = made(tmp_path)
    assert await snapshots.write()
    for name in ("answers.snapshot", "files.snapshot"):
        (tmp_path / name).unlink()
    assert await snapshots.write()
    assert list(read_snapshot(tmp_path / "answers.snapshot", OWNER)) == []


async def test_a_worker_and_the_control_process_agree_on_a_good_file(tmp_path: Path) -> None:
    write_snapshot(tmp_path / "answers.snapshot", OWNER, [])
    snapshots, _ = made(tmp_path)
    await snapshots.restore()
    assert snapshots.has_answers
