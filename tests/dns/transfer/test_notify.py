"""NOTIFY and serials with real secondaries: what is lost is made good, what is wrong is said."""

import asyncio
import shutil
from pathlib import Path
from random import Random
from typing import TypeAlias

import dns.flags
import dns.opcode
import pytest

from nameservers import Bind, Knot, Nameserver, Nsd, PowerDNS, serial, serving, wait_until
from rollcall.feed.frames import SecondaryState
from rollcall.model import KeyRing
from transfers.client import domain_of
from transfers.running import OTHER_TEXT, Primary, TransferProcess, key, primary, settings
from transfers.source import ZoneSource
from transfers.udp_proxy import udp_proxy

Kind: TypeAlias = type[Bind] | type[Knot] | type[Nsd] | type[PowerDNS]


async def until_current(server: Nameserver, source: ZoneSource) -> None:
    await asyncio.to_thread(wait_until, server, lambda: serial(server, domain_of(source)) == source.serial)


async def until(control: Primary, source: ZoneSource, *reasons: str) -> SecondaryState:
    """Wait until the state of the secondary has one of these reasons; return it."""
    states, pair = control.control.states, (source.apex, "secondary-0")
    await control.control.until(lambda: pair in states and states[pair].reason in reasons)
    return states[pair]


@pytest.mark.parametrize("kind", [Bind, Knot, Nsd, PowerDNS])
async def test_each_change_is_told_and_seen(tmp_path: Path, process: TransferProcess, kind: Kind):
    source, random = ZoneSource(), Random(1)
    secondary = kind.secondary(tmp_path / "secondary", process.where)
    async with primary(process.feed_path, source) as control:
        with serving(secondary):
            async with udp_proxy(secondary.port) as proxy:
                await control.start(settings(source, secondaries=[("127.0.0.1", proxy.port)]))
                await until_current(secondary, source)
                told = control.control
                for _ in range(3):
                    await control.publish(source.flip(random))
                    await until_current(secondary, source)
                    await told.until(lambda: told.states[source.apex, "secondary-0"].serial == source.serial)
                    assert (await until(control, source, "Current")).serial == source.serial

                for _ in range(10):  # a secondary that is just looking finds a change before it is told
                    (rrset,) = proxy.notifies[-1].answer
                    if rrset[0].serial == source.serial:
                        break
                    await control.publish(source.flip(random))
                    await until_current(secondary, source)
                assert rrset[0].serial == source.serial
                assert proxy.notifies[-1].flags & dns.flags.AA
                assert proxy.notifies[-1].had_tsig
                assert told.transfers.notifies.get("refused", 0) == 0


@pytest.mark.parametrize("kind", [Bind, Knot])
async def test_a_lost_notify_is_repeated(tmp_path: Path, process: TransferProcess, kind: Kind):
    source, random = ZoneSource(), Random(2)
    secondary = kind.secondary(tmp_path / "secondary", process.where)
    async with primary(process.feed_path, source) as control:
        with serving(secondary):
            async with udp_proxy(secondary.port) as proxy:
                await control.start(settings(source, secondaries=[("127.0.0.1", proxy.port)]))
                await until_current(secondary, source)
                for _ in range(10):  # a secondary that is just looking finds a change before it is told
                    proxy.lose(dns.opcode.NOTIFY, 1)
                    await control.publish(source.flip(random))
                    await until_current(secondary, source)
                    if proxy.lost[dns.opcode.NOTIFY] >= 2:
                        break

                assert proxy.lost[dns.opcode.NOTIFY] == 2
                assert proxy.seen[dns.opcode.NOTIFY] > 2
                told = control.control
                await told.until(lambda: told.states[source.apex, "secondary-0"].serial == source.serial)


async def test_lost_questions_for_the_serial_are_repeated(tmp_path: Path, process: TransferProcess):
    source = ZoneSource()
    secondary = Knot.secondary(tmp_path / "secondary", process.where)
    async with primary(process.feed_path, source) as control:
        with serving(secondary):
            async with udp_proxy(secondary.port) as proxy:
                proxy.lose(dns.opcode.QUERY, 1)
                await control.start(settings(source, secondaries=[("127.0.0.1", proxy.port)]))
                await until(control, source, "Current")

                assert proxy.lost[dns.opcode.QUERY] == 1


@pytest.mark.parametrize("kind", [Bind, Knot, Nsd])
async def test_during_a_rotation_a_secondary_may_still_have_the_previous_key(
    tmp_path: Path, process: TransferProcess, kind: Kind
):
    source = ZoneSource()
    secondary = kind.secondary(tmp_path / "secondary", process.where)
    async with primary(process.feed_path, source) as control:
        with serving(secondary):
            ring = KeyRing(key(OTHER_TEXT), key())
            await control.start(settings(source, secondaries=[("127.0.0.1", secondary.port)], ring=ring))
            await until(control, source, "Current")
            told = control.control
            await told.until(lambda: told.transfers.notifies.get("answered", 0) > 0)


@pytest.mark.parametrize(
    ("kind", "reasons"),
    [(Bind, {"BadKey"}), (Knot, {"BadKey"}), (Nsd, {"BadKey"}), (PowerDNS, {"NotifyRefused", "Unsigned"})],
)
async def test_a_key_that_the_secondary_does_not_know_is_said(
    tmp_path: Path, process: TransferProcess, kind: Kind, reasons: set[str]
):
    """It has the zone, so that nothing but the key is wrong."""
    source = ZoneSource()
    secondary = kind.secondary(tmp_path / "secondary", process.where)
    async with primary(process.feed_path, source) as control:
        with serving(secondary):
            place = ("127.0.0.1", secondary.port)
            await control.start(settings(source, secondaries=[place]))
            await until(control, source, "Current")
            control.feed.configure(settings(source, secondaries=[place], ring=KeyRing(key(OTHER_TEXT))))

            state = await until(control, source, *reasons)
            assert state.serial == source.serial
            control.feed.configure(settings(source, secondaries=[place]))
            await until(control, source, "Current")


@pytest.mark.parametrize("kind", [Bind, Knot, Nsd, PowerDNS])
async def test_a_server_that_is_no_secondary_of_the_zone_is_said(
    tmp_path: Path, process: TransferProcess, kind: Kind
):
    source = ZoneSource("other.example.net")
    secondary = kind.secondary(tmp_path / "secondary", process.where)
    async with primary(process.feed_path, source) as control:
        with serving(secondary):
            await control.start(settings(source, secondaries=[("127.0.0.1", secondary.port)]))
            state = await until(control, source, "NotAuthoritative")

            assert "make it a secondary" in state.message
            assert state.serial == 0


async def test_a_server_that_is_not_there_is_said_and_found_when_it_comes(
    tmp_path: Path, process: TransferProcess
):
    source = ZoneSource()
    secondary = Bind.secondary(tmp_path / "secondary", process.where)
    async with primary(process.feed_path, source) as control:
        await control.start(settings(source, secondaries=[("127.0.0.1", secondary.port)]))
        state = await until(control, source, "Unreachable")
        assert f"127.0.0.1:{secondary.port}" in state.message

        with serving(secondary):
            await until(control, source, "Current")


async def test_a_secondary_that_is_ahead_is_said_and_overtaken(tmp_path: Path, process: TransferProcess):
    """Our state is lost, and a clock is wrong: the secondary has a serial from before that."""
    source = ZoneSource(serial=5000)
    secondary = Bind.secondary(tmp_path / "secondary", process.where)
    with serving(secondary):
        place = settings(source, secondaries=[("127.0.0.1", secondary.port)])
        async with primary(process.feed_path, source) as control:
            await control.start(place)
            await until_current(secondary, source)
        process.end()
        shutil.rmtree(process.journals)

        source = ZoneSource(serial=10)
        process.start()
        async with primary(process.feed_path, source) as control:
            await control.start(place)
            assert (await until(control, source, "Ahead")).serial == 5000

            await control.publish(source.put({(source.name("new"), 1): [b"\x0a\0\0\1"]}, serial=5001))
            await until_current(secondary, source)
            await until(control, source, "Current")
