"""Journals on disk: what comes back after a restart, and after a crash at any octet of the file."""

import asyncio
import errno
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.publish.transfer.journal import archive as archive_module
from rollcall.publish.transfer.journal import journal_file
from rollcall.publish.transfer.journal.archive import Archive
from rollcall.publish.transfer.journal.difference import small_difference
from rollcall.publish.transfer.journal.journaled_zone import JournaledZone
from rollcall.zone.names import below, from_text
from unit.publish.transfer.journal.contents import APEX, Rrsets, content, head, records, steps, versions
from unit.publish.transfer.journal.test_journal import leads, one
from waiting import until


def opened(folder: Path) -> tuple[Archive, JournaledZone]:
    archive = Archive(folder)
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
    archive = Archive(tmp_path / "transfer")
    archive.load()
    zones = [JournaledZone(apex, *archive.open(apex)) for apex in apexes]
    for number, zone in enumerate(zones):
        zone.catch_up(head(number + 1), one(number))
    archive.close()
    assert len(list((tmp_path / "transfer").iterdir())) == len(apexes)
    archive = Archive(tmp_path / "transfer")
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
    archive = Archive(tmp_path)
    archive.load()
    archive.retain([other])
    assert [path.name for path in tmp_path.iterdir()] == ["other.example.journal"]
    archive.forget(other)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_journal(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    (tmp_path / "k8s.example.com.journal").write_bytes(b"something else")
    (tmp_path / "left.journal.unfinished").write_bytes(b"half of one")
    _, zone = opened(tmp_path)
    assert zone.journal.head is None
    assert "can't be used" in caplog.text
    assert list(tmp_path.iterdir()) == []


async def test_a_disk_that_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """It is said, nothing ends, and later the file is whole again."""
    monkeypatch.setattr(archive_module, "WRITE_SECONDS", 0.001)
    monkeypatch.setattr(journal_file, "RETRY_SECONDS", 0.01)
    full = True
    real = journal_file.write

    def write_or_not(work: journal_file.Work) -> int:
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
