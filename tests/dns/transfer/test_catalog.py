"""Catalog zones with real servers that follow them: they add and drop our zones by themselves."""

import asyncio
from pathlib import Path
from random import Random

import msgspec
import pytest

from nameservers import CATALOG, Bind, Knot, Nameserver, PowerDNS, serial, serving, wait_until
from rollcall.feed.frames import TransferSettings
from transfers.client import Copy, domain_of
from transfers.running import TransferProcess, primary, settings
from transfers.source import ZoneSource


def listing(listed: list[ZoneSource], unlisted: list[ZoneSource], place: tuple[str, int]) -> TransferSettings:
    """Return settings with some zones in the catalog, and some that are transferred without one."""
    inside = settings(*listed, secondaries=[place], catalog=CATALOG)
    outside = settings(*unlisted, secondaries=[place])
    return msgspec.structs.replace(inside, zones=inside.zones + outside.zones)


async def until_serves(server: Nameserver, *sources: ZoneSource) -> None:
    def is_served() -> bool:
        return all(serial(server, domain_of(source)) == source.serial for source in sources)

    await asyncio.to_thread(wait_until, server, is_served)


async def until_dropped(server: Nameserver, source: ZoneSource) -> None:
    await asyncio.to_thread(wait_until, server, lambda: serial(server, domain_of(source)) is None)


@pytest.mark.parametrize("kind", [Bind, Knot, PowerDNS])
async def test_zones_come_and_go_by_the_catalog(
    tmp_path: Path, process: TransferProcess, kind: type[Bind] | type[Knot] | type[PowerDNS]
):
    first, second = ZoneSource("k8s.example.com"), ZoneSource("0.10.in-addr.arpa", serial=77)
    server = kind.catalog_consumer(tmp_path / "consumer", process.where)
    place = ("127.0.0.1", server.port)

    async def until_it_has(source: ZoneSource) -> None:
        if isinstance(server, PowerDNS):  # which doesn't hand the key on to the zones that it adds
            domain = domain_of(source).rstrip(".")
            await asyncio.to_thread(wait_until, server, lambda: f"create zone '{domain}'" in server.log)
            await asyncio.to_thread(server.sign_member, domain)
        await until_serves(server, source)

    async with primary(process.feed_path, first, second) as control:
        with serving(server):
            await control.start(listing([first], [second], place))
            await until_it_has(first)
            assert serial(server, domain_of(second)) is None

            control.feed.configure(listing([first, second], [], place))
            await until_it_has(second)
            await until_serves(server, first)
            await control.publish(second.flip(Random(1)))
            await until_serves(server, second)

            control.feed.configure(listing([second], [first], place))
            await until_dropped(server, first)
            await until_serves(server, second)


async def test_a_restart_with_nothing_changed_keeps_the_serial(tmp_path: Path, process: TransferProcess):
    first, second = ZoneSource("k8s.example.com"), ZoneSource("0.10.in-addr.arpa")
    place = ("127.0.0.1", 9)
    async with primary(process.feed_path, first, second) as control:
        await control.start(listing([first, second], [], place))
        before = Copy(CATALOG)
        await before.update(process.where)

    process.end()
    process.start()
    async with primary(process.feed_path, first, second) as control:
        await control.start(listing([first, second], [], place))
        after = Copy(CATALOG)
        await after.update(process.where)
        assert (after.serial, after.records) == (before.serial, before.records)

        control.feed.configure(listing([first], [second], place))
        await control.publish()
        await after.update(process.where)
        assert after.serial > before.serial
        assert len(after.records) == len(before.records) - 1
        assert {data for _, _, rdtype, data in after.records if rdtype == "PTR"} == {"k8s.example.com."}
