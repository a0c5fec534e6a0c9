"""Serials over restarts: what is on disk before a serial is served, and what a restart makes of it."""

import asyncio
import json
import threading

import pytest

from rollcall.state.serials import RESERVE, SerialReservations
from rollcall.zone import Past
from rollcall.zone.content import ZoneContent

APEX = b"\x07example\x03com\x00"


def content(serial, digest=0):
    made = ZoneContent(APEX)
    made.serial, made.digest = serial, digest
    return made


def on_disk(path):
    return json.loads(path.read_text())["example.com"]["ceiling"]


async def test_a_serial_is_reserved_before_it_is_served(tmp_path):
    path = tmp_path / "serials.json"
    reservations = SerialReservations(path)
    assert reservations.load() == {}
    reservations.reserve([content(1000)], 1000)
    assert on_disk(path) == 1001 + RESERVE


async def test_serials_below_the_ceiling_cost_no_write(tmp_path):
    path = tmp_path / "serials.json"
    reservations = SerialReservations(path)
    reservations.reserve([content(1000)], 1000)
    path.unlink()
    reservations.reserve([content(1001 + RESERVE // 4)], 1000)
    assert not path.exists()


async def test_a_ceiling_that_comes_near_is_raised_off_the_loop(tmp_path):
    path = tmp_path / "serials.json"
    reservations = SerialReservations(path)
    reservations.reserve([content(1000)], 1000)
    reservations.reserve([content(1000 + RESERVE * 3 // 4)], 1000)
    await reservations.settled()
    assert on_disk(path) == 1001 + RESERVE * 7 // 4


async def test_an_idle_zone_has_room_for_the_clock(tmp_path):
    path = tmp_path / "serials.json"
    reservations = SerialReservations(path)
    reservations.reserve([content(1000)], 1000)
    reservations.reserve([content(1000)], 1000 + RESERVE)
    await reservations.settled()
    assert on_disk(path) == 1000 + 2 * RESERVE


async def test_after_a_crash_serials_go_on_above_the_ceiling(tmp_path):
    path = tmp_path / "serials.json"
    SerialReservations(path).reserve([content(1000, 77)], 1000)
    assert SerialReservations(path).load() == {APEX: Past(1001 + RESERVE)}


async def test_after_an_orderly_stop_serial_and_digest_are_known(tmp_path):
    path = tmp_path / "serials.json"
    reservations = SerialReservations(path)
    reservations.reserve([content(1000, 77)], 1000)
    reservations.close([content(1005, 255)])
    assert SerialReservations(path).load() == {APEX: Past(1005, 1005, 255)}


async def test_the_first_change_after_an_orderly_stop_makes_it_history(tmp_path):
    path = tmp_path / "serials.json"
    SerialReservations(path).close([content(1005, 255)])
    reservations = SerialReservations(path)
    reservations.load()
    reservations.reserve([content(1005, 255)], 1000)
    await reservations.settled()
    reservations.reserve([content(1006, 256)], 1000)
    await reservations.settled()
    past = SerialReservations(path).load()[APEX]
    assert past.serial == 0
    assert past.ceiling >= 1006


async def test_a_damaged_file_is_set_aside(tmp_path, caplog):
    path = tmp_path / "serials.json"
    path.write_text("{")
    assert SerialReservations(path).load() == {}
    assert "set aside" in caplog.text
    assert path.with_suffix(".damaged").exists()


async def test_a_disk_that_refuses_is_told_once_and_tried_again(tmp_path, caplog):
    folder = tmp_path / "state"
    reservations = SerialReservations(folder / "serials.json")
    reservations.reserve([content(1000)], 1000)
    reservations.reserve([content(1001)], 1000)
    await reservations.settled()
    assert caplog.text.count("trying again") == 1
    folder.mkdir()
    reservations.reserve([content(1002)], 1000)
    await reservations.settled()
    assert on_disk(folder / "serials.json") >= 1002


async def test_what_is_older_never_replaces_what_is_newer(tmp_path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "serials.json"
    reservations = SerialReservations(path)
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
    assert {"example.com", "other"} == set(json.loads(path.read_text()))
