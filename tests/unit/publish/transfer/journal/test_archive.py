"""Journals on disk: what comes back after a restart, and after a crash at any octet of the file."""

import asyncio
import errno
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from damage import damaged
from owners import OTHER_CLUSTER, OTHER_INSTALLATION, OWNER
from rollcall.disk.frames import Tail
from rollcall.model.owner import Owner
from rollcall.publish.transfer.journal import archive as archive_module
from rollcall.publish.transfer.journal import journal_file
from rollcall.publish.transfer.journal.archive import Archive
from rollcall.publish.transfer.journal.difference import small_difference
from rollcall.publish.transfer.journal.journaled_zone import JournaledZone
from rollcall.zone.names import below, from_text
from unit.publish.transfer.journal.contents import APEX, Rrsets, content, head, records, steps, versions
from unit.publish.transfer.journal.test_journal import leads, one
from waiting import until


def opened(folder: Path, owner: Owner = OWNER) -> tuple[Archive, JournaledZone]:
    archive = Archive(folder, owner)
    archive.load()
    return archive, JournaledZone(APEX, *archive.open(APEX))


@given(steps, st.integers(0, 12), st.booleans())
def test_a_restart(sequence: list[tuple[Rrsets, int]], written_at: int, is_compact: bool):
    """What was written together or apart comes back: all versions after the first that was written."""
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        if is_compact:
            patch.setattr(journal_file, "MIN_TAIL", 0)
        archive, zone = opened(Path(name))
        known = dict(versions(sequence))
        for number, (serial, rrsets) in enumerate(known.items()):
            zone.catch_up(head(serial), rrsets)
            if number == written_at or is_compact:
                write(zone)
        archive.close()
        _, again = opened(Path(name))
        latest = list(known.values())[-1]
        assert again.journal.head == zone.journal.head
        assert records(again.journal.rrsets) == records(latest)
        assert again.journal.record_count == zone.journal.record_count
        for old, then in known.items():
            net = small_difference(again, old)
            assert net is None or leads(net, then, latest)
        if is_compact or written_at == 0:
            assert again.journal.entry_count == len(known) - 1


def write(zone: JournaledZone) -> None:
    work = zone.file.take_work()
    if work is not None:
        zone.file.on_written(work, journal_file.write(work))


@given(steps, content, st.data())
def test_a_crash_at_any_octet(sequence: list[tuple[Rrsets, int]], after: Rrsets, data: st.DataObject):
    """The file ends anywhere, or has a wrong octet anywhere: no known serial leads to a wrong content."""
    with TemporaryDirectory() as name:
        _, zone = opened(Path(name))
        known = dict(versions(sequence))
        for serial, rrsets in known.items():
            zone.catch_up(head(serial), rrsets)
            write(zone)
        (path,) = Path(name).iterdir()
        octets = path.read_bytes()
        at = data.draw(st.integers(0, len(octets) - 1))
        if data.draw(st.booleans()):
            path.write_bytes(octets[:at])
        else:
            path.write_bytes(octets[:at] + bytes((octets[at] ^ 0x55,)) + octets[at + 1 :])
        archive, again = opened(Path(name))
        new = serial + data.draw(st.integers(0, 2)) if after == rrsets else serial + 1
        again.catch_up(head(new), after)
        for old, then in known.items():
            net = small_difference(again, old)
            assert net is None or leads(net, then, after)
        archive.close()
        _, third = opened(Path(name))
        assert records(third.journal.rrsets) == records(after)
        assert third.journal.head == head(new)
        for old, then in known.items():
            net = small_difference(third, old)
            assert net is None or leads(net, then, after)


def test_a_restart_goes_on_with_ixfr(tmp_path: Path):
    """What has changed meanwhile is one version; versions from before the restart lead on."""
    archive, zone = opened(tmp_path)
    for serial in range(1, 1200):
        zone.catch_up(head(serial), one(serial))
        if serial % 100 == 1:
            write(zone)
    archive.close()
    archive, again = opened(tmp_path)
    assert again.journal.entry_count == 1198
    again.catch_up(head(2000), one(7, 8))
    for old in (1, 500, 1199):
        net = small_difference(again, old)
        assert net
        assert leads(net, one(old), one(7, 8))


def test_an_equal_serial_with_another_content_after_a_restart(tmp_path: Path):
    archive, zone = opened(tmp_path)
    for serial in (1, 2, 3):
        zone.catch_up(head(serial), one(serial))
    archive.close()
    archive, again = opened(tmp_path)
    again.catch_up(head(3), one(9))
    again.catch_up(head(4), one(10))
    archive.close()
    _, third = opened(tmp_path)
    third.catch_up(head(5), one(11))
    assert [serial for serial in (1, 2, 3, 4) if small_difference(third, serial)] == [4]


def test_a_file_stays_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(journal_file, "MIN_TAIL", 10_000)
    _, zone = opened(tmp_path)
    zone.journal._max_entries = 100
    sizes = []
    for serial in range(1, 2000):
        zone.catch_up(head(serial), one(*range(serial, serial + 10)))
        write(zone)
        sizes.append(next(tmp_path.iterdir()).stat().st_size)
    assert max(sizes) < 60_000
    _, again = opened(tmp_path)
    assert again.journal.entry_count >= 100


def test_files_of_any_name(tmp_path: Path):
    """Names with dots in labels, slashes and 255 octets have files of their own, all in the folder."""
    long = below(from_text("x" * 61), *("a" * 63,) * 3)
    apexes = [
        APEX,
        from_text(r"a\.b.example"),
        from_text("a.b.example"),
        from_text(r"..\/\000\255".strip(".")),
    ]
    apexes += [long, b"\x3fb" + long[2:], b"\0"]
    archive = Archive(tmp_path / "transfer", OWNER)
    archive.load()
    zones = [JournaledZone(apex, *archive.open(apex)) for apex in apexes]
    for number, zone in enumerate(zones):
        zone.catch_up(head(number + 1), one(number))
    archive.close()
    assert len(list((tmp_path / "transfer").iterdir())) == len(apexes)
    archive = Archive(tmp_path / "transfer", OWNER)
    archive.load()
    for number, apex in enumerate(apexes):
        assert archive.open(apex)[0].head == head(number + 1)


def test_forgotten_zones_leave_no_file(tmp_path: Path):
    other = from_text("other.example")
    archive, zone = opened(tmp_path)
    zone.catch_up(head(1), one(1))
    another = JournaledZone(other, *archive.open(other))
    another.catch_up(head(1), one(1))
    archive.close()
    archive = Archive(tmp_path, OWNER)
    archive.load()
    archive.retain([other])
    assert [path.name for path in tmp_path.iterdir()] == ["other.example.journal"]
    archive.forget(other)
    assert list(tmp_path.iterdir()) == []


def test_any_damage_is_said_and_no_version_is_wrong(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """What comes before it is used, if there is a content in it; after that the file is whole again."""
    _, zone = opened(tmp_path)
    for serial in (1, 2, 3):
        zone.catch_up(head(serial), one(serial))
        write(zone)
    (path,) = tmp_path.iterdir()
    octets = path.read_bytes()
    ends = set()
    for number, each in enumerate(damaged(octets)):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / path.name).write_bytes(each)
        caplog.clear()
        archive, again = opened(folder)
        last = again.journal.head
        ends.add(last and last.serial)
        if last is None or len(each) >= len(octets):  # cut at the end of a version it is a whole file
            assert "set aside" in caplog.text or "cut off" in caplog.text
        if last is not None:
            assert records(again.journal.rrsets) == records(one(last.serial))
        again.catch_up(head(4), one(4))
        for old in (1, 2, 3):
            net = small_difference(again, old)
            assert net is None or leads(net, one(old), one(4))
        archive.close()
        _, third = opened(folder)
        assert third.journal.head == head(4)
    assert ends == {None, 1, 2, 3}


@pytest.mark.parametrize("stranger", [OTHER_CLUSTER, OTHER_INSTALLATION])
def test_a_journal_of_somebody_else_is_refused(
    tmp_path: Path, stranger: Owner, caplog: pytest.LogCaptureFixture
):
    archive, zone = opened(tmp_path, stranger)
    zone.catch_up(head(1), one(1))
    archive.close()
    _, again = opened(tmp_path)
    assert again.journal.head is None
    assert f"belongs to {stranger}" in caplog.text


def test_what_is_no_journal_is_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    (tmp_path / "k8s.example.com.journal").write_bytes(b"something else")
    (tmp_path / "left.journal.unfinished").write_bytes(b"half of one")
    _, zone = opened(tmp_path)
    assert zone.journal.head is None
    assert "secondaries transfer the whole zone once" in caplog.text
    assert [path.name for path in tmp_path.iterdir()] == ["k8s.example.com.journal.set-aside"]


def test_the_journal_of_another_zone_is_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    archive, zone = opened(tmp_path)
    zone.catch_up(head(1), one(1))
    archive.close()
    (path,) = tmp_path.iterdir()
    path.rename(tmp_path / "other.example.journal")
    archive, zone = opened(tmp_path)
    assert zone.journal.head is None
    assert archive.open(from_text("other.example"))[0].head is None
    assert "is the journal of k8s.example.com, and is set aside" in caplog.text


@pytest.mark.parametrize("becomes", [None, b"", b"longer" * 1000])
async def test_a_file_that_is_deleted_or_changed_meanwhile_is_written_anew(
    tmp_path: Path, becomes: bytes | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(archive_module, "WRITE_SECONDS", 0.001)
    monkeypatch.setattr(journal_file, "RETRY_SECONDS", 0.01)
    archive, zone = opened(tmp_path)
    zone.catch_up(head(1), one(1))
    write(zone)
    path = tmp_path / "k8s.example.com.journal"
    if becomes is None:
        path.unlink()
    else:
        path.write_bytes(becomes)
    running = asyncio.ensure_future(archive.run())
    zone.catch_up(head(2), one(2))
    await until(lambda: "can't be written" in caplog.text)

    def is_whole() -> bool:
        return opened(tmp_path)[1].journal.head == head(2)

    await until(lambda: path.exists() and path.read_bytes() != becomes)
    await until(is_whole)
    running.cancel()


async def test_an_end_in_the_midst_of_a_write_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What is still to be written goes where that write ends."""
    monkeypatch.setattr(archive_module, "WRITE_SECONDS", 0.001)
    begun, go_on = threading.Event(), threading.Event()
    real = journal_file.write

    def slow(work: journal_file.FileWork) -> Tail:
        begun.set()
        assert go_on.wait(30)
        return real(work)

    archive, zone = opened(tmp_path)
    zone.catch_up(head(1), one(1))
    write(zone)
    monkeypatch.setattr(archive_module, "write", slow)
    running = asyncio.ensure_future(archive.run())
    zone.catch_up(head(2), one(2))
    assert await asyncio.to_thread(begun.wait, 30)
    zone.catch_up(head(3), one(3))
    running.cancel()
    asyncio.get_running_loop().call_later(0.05, go_on.set)
    with pytest.raises(asyncio.CancelledError):
        await running
    archive.close()
    _, again = opened(tmp_path)
    assert again.journal.head == head(3)
    assert again.journal.entry_count == 2


async def test_a_disk_that_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """It is said, nothing ends, and later the file is whole again."""
    monkeypatch.setattr(archive_module, "WRITE_SECONDS", 0.001)
    monkeypatch.setattr(journal_file, "RETRY_SECONDS", 0.01)
    full = True
    real = journal_file.write

    def write_or_not(work: journal_file.FileWork) -> Tail:
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(work)

    monkeypatch.setattr(archive_module, "write", write_or_not)
    archive, zone = opened(tmp_path)
    running = asyncio.ensure_future(archive.run())
    zone.catch_up(head(1), one(1))
    await until(lambda: "No space left" in caplog.text)
    zone.catch_up(head(2), one(2))
    full = False

    def on_disk() -> bool:
        return any(tmp_path.glob("*.journal"))

    await until(on_disk)
    running.cancel()
    zone.catch_up(head(3), one(3))
    archive.close()
    _, again = opened(tmp_path)
    assert again.journal.head == head(3)
    again.catch_up(head(4), one(4))
    assert small_difference(again, 3)
