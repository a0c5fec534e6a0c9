"""Serials over restarts: what is on disk before a serial is served, and what a restart makes of it."""

import asyncio
import errno
import json
import os
import threading

import pytest

from damage import damaged
from owners import OTHER_CLUSTER, OTHER_INSTALLATION, OWNER
from rollcall.disk.state_file import read
from rollcall.state.serials import FORMER_NAME, RESERVE, SERIALS, SerialReservations
from rollcall.zone import Past
from rollcall.zone.content import ZoneContent
from rollcall.zone.names import from_text

APEX = b"\x07example\x03com\x00"


def content(serial, digest=0):
    made = ZoneContent(APEX)
    made.serial, made.digest = serial, digest
    return made


def on_disk(path, apex=APEX):
    return {entry.apex: entry.ceiling for entry in read(path, SERIALS, OWNER)}[apex]


async def test_a_serial_is_reserved_before_it_is_served(tmp_path):
    path = tmp_path / "serials.state"
    reservations = SerialReservations(path, OWNER)
    assert reservations.load() == {}
    reservations.reserve([content(1000)], 1000)
    assert on_disk(path) == 1001 + RESERVE


async def test_serials_below_the_ceiling_cost_no_write(tmp_path):
    path = tmp_path / "serials.state"
    reservations = SerialReservations(path, OWNER)
    reservations.reserve([content(1000)], 1000)
    path.unlink()
    reservations.reserve([content(1001 + RESERVE // 4)], 1000)
    assert not path.exists()


async def test_a_ceiling_that_comes_near_is_raised_off_the_loop(tmp_path):
    path = tmp_path / "serials.state"
    reservations = SerialReservations(path, OWNER)
    reservations.reserve([content(1000)], 1000)
    reservations.reserve([content(1000 + RESERVE * 3 // 4)], 1000)
    await reservations.settled()
    assert on_disk(path) == 1001 + RESERVE * 7 // 4


async def test_an_idle_zone_has_room_for_the_clock(tmp_path):
    path = tmp_path / "serials.state"
    reservations = SerialReservations(path, OWNER)
    reservations.reserve([content(1000)], 1000)
    reservations.reserve([content(1000)], 1000 + RESERVE)
    await reservations.settled()
    assert on_disk(path) == 1000 + 2 * RESERVE


async def test_after_a_crash_serials_go_on_above_the_ceiling(tmp_path):
    path = tmp_path / "serials.state"
    SerialReservations(path, OWNER).reserve([content(1000, 77)], 1000)
    assert SerialReservations(path, OWNER).load() == {APEX: Past(1001 + RESERVE)}


async def test_after_an_orderly_stop_serial_and_digest_are_known(tmp_path):
    path = tmp_path / "serials.state"
    reservations = SerialReservations(path, OWNER)
    reservations.reserve([content(1000, 77)], 1000)
    reservations.close([content(1005, 255)])
    assert SerialReservations(path, OWNER).load() == {APEX: Past(1005, 1005, 255)}


async def test_the_first_change_after_an_orderly_stop_makes_it_history(tmp_path):
    path = tmp_path / "serials.state"
    SerialReservations(path, OWNER).close([content(1005, 255)])
    reservations = SerialReservations(path, OWNER)
    reservations.load()
    reservations.reserve([content(1005, 255)], 1000)
    await reservations.settled()
    reservations.reserve([content(1006, 256)], 1000)
    await reservations.settled()
    past = SerialReservations(path, OWNER).load()[APEX]
    assert past.serial == 0
    assert past.ceiling >= 1006


async def test_any_damage_is_said_and_what_could_be_read_is_right(tmp_path, caplog):
    path = tmp_path / "serials.state"
    other = content(7, 8)
    other.apex = b"\x05other\x00"
    SerialReservations(path, OWNER).close([content(1005, 255), other])
    right = {APEX: Past(1005, 1005, 255), other.apex: Past(7, 7, 8)}
    kept = set()
    for octets in damaged(path.read_bytes()):
        path.write_bytes(octets)
        caplog.clear()
        found = SerialReservations(path, OWNER).load()
        assert found.items() <= right.items()
        assert "set aside" in caplog.text
        assert not path.exists()
        kept.add(len(found))
    assert kept == {0, 1, 2}, "what comes before the damage is not lost"


async def test_after_damage_serials_are_kept_again(tmp_path):
    path = tmp_path / "serials.state"
    path.write_text("{")
    reservations = SerialReservations(path, OWNER)
    assert reservations.load() == {}
    reservations.reserve([content(1000)], 1000)
    assert on_disk(path) == 1001 + RESERVE
    assert (tmp_path / "serials.state.set-aside").read_text() == "{"


@pytest.mark.parametrize("stranger", [OTHER_CLUSTER, OTHER_INSTALLATION])
async def test_somebody_elses_are_refused(tmp_path, caplog, stranger):
    path = tmp_path / "serials.state"
    SerialReservations(path, stranger).close([content(1005, 255)])
    assert SerialReservations(path, OWNER).load() == {}
    assert f"belongs to {stranger}" in caplog.text
    assert "go on from the clock" in caplog.text


@pytest.mark.parametrize("is_orderly", [True, False])
async def test_those_of_a_release_before_this_format_are_gone_on_from_once(tmp_path, is_orderly):
    path, former = tmp_path / "serials.state", tmp_path / FORMER_NAME
    entry = {"ceiling": 1005, "serial": 1005, "digest": "ff"} if is_orderly else {"ceiling": 101_005}
    former.write_text(json.dumps({"example.com": entry, r"a\.b.example": {"ceiling": 7}}))
    reservations = SerialReservations(path, OWNER)
    ceiling = entry["ceiling"]
    past = Past(1005, 1005, 255) if is_orderly else Past(101_005)
    assert reservations.load() == {APEX: past, from_text(r"a\.b.example"): Past(7)}
    assert former.exists(), "until there is a new one"
    reservations.reserve([content(ceiling + 1)], 1000)
    await reservations.settled()
    assert not former.exists()
    assert on_disk(path) > ceiling
    assert on_disk(path, from_text(r"a\.b.example")) == 7


@pytest.mark.parametrize(
    "octets",
    [
        b"nonsense",
        b"\xff",
        b'{"example.com": {"ceiling": 1, "serial": 1, "digest": "no digits"}}',
        b'{"example.com": {"ceiling": 1, "digest": "' + b"f" * 33 + b'"}}',
        b'{"example.com": {"ceiling": 1, "digest": "-1"}}',
        b'{"example.com": {"ceiling": 4294967296}}',
        b'{"a..b": {"ceiling": 1}}',
        b"[" * 100_000,
    ],
    ids=["nonsense", "no UTF-8", "no digest", "a long one", "a negative one", "no serial", "no name", "deep"],
)
async def test_a_damaged_one_of_such_a_release_is_set_aside(tmp_path, caplog, octets):
    (tmp_path / FORMER_NAME).write_bytes(octets)
    assert SerialReservations(tmp_path / "serials.state", OWNER).load() == {}
    assert "set aside" in caplog.text
    assert [path.name for path in tmp_path.iterdir()] == [f"{FORMER_NAME}.set-aside"]


async def test_any_octet_of_such_a_file_may_be_wrong(tmp_path):
    """It has no checksum: what is wrong in it shows as a serial at most, and ends nothing."""
    octets = json.dumps({"example.com": {"ceiling": 1005, "serial": 1005, "digest": "ff"}}).encode()
    for number, each in enumerate(damaged(octets)):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / FORMER_NAME).write_bytes(each)
        SerialReservations(folder / "serials.state", OWNER).load()


async def test_a_folder_that_takes_nothing_ends_nothing(tmp_path, caplog):
    (tmp_path / "file").touch()
    reservations = SerialReservations(tmp_path / "file" / "serials.state", OWNER)
    assert reservations.load() == {}
    assert "can't be set aside" in caplog.text
    reservations.reserve([content(1000)], 1000)
    reservations.close([content(1000)])
    assert "can't be written" in caplog.text


async def test_a_file_that_is_deleted_meanwhile_is_written_again(tmp_path):
    path = tmp_path / "serials.state"
    reservations = SerialReservations(path, OWNER)
    reservations.reserve([content(1000)], 1000)
    path.unlink()
    reservations.reserve([content(1000 + RESERVE * 3 // 4)], 1000)
    await reservations.settled()
    assert on_disk(path) == 1001 + RESERVE * 7 // 4


async def test_a_disk_that_refuses_is_told_once_and_tried_again(tmp_path, caplog):
    folder = tmp_path / "state"
    reservations = SerialReservations(folder / "serials.state", OWNER)
    reservations.reserve([content(1000)], 1000)
    reservations.reserve([content(1001)], 1000)
    await reservations.settled()
    assert caplog.text.count("trying again") == 1
    assert os.strerror(errno.ENOENT) in caplog.text
    folder.mkdir()
    reservations.reserve([content(1002)], 1000)
    await reservations.settled()
    assert on_disk(folder / "serials.state") >= 1002


async def test_what_is_older_never_replaces_what_is_newer(tmp_path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "serials.state"
    reservations = SerialReservations(path, OWNER)
    reservations.reserve([content(1000)], 1000)
    begun, overtaken, write = threading.Event(), threading.Event(), reservations._try_to_write

    def late(data, number):
        if threading.current_thread() is not threading.main_thread():
            begun.set()
            assert overtaken.wait(30)
        return write(data, number)

    monkeypatch.setattr(reservations, "_try_to_write", late)
    reservations.reserve([content(1000 + RESERVE * 3 // 4)], 1000)  # a write in a thread begins
    assert await asyncio.to_thread(begun.wait, 30)
    other = content(7)
    other.apex = b"\x05other\x00"
    reservations.reserve([content(1000 + RESERVE * 3 // 4), other], 1000)  # and one in the loop overtakes it
    overtaken.set()
    await reservations.settled()
    assert {entry.apex for entry in read(path, SERIALS, OWNER)} == {APEX, other.apex}
