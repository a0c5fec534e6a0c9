"""Changes of a zone, to a client that has an older version; also over restarts on either side."""

import signal
from random import Random

import pytest

from rollcall.feed.frames import TransferStats
from transfers.client import Copy, expected
from transfers.running import Primary, TransferProcess, primary, settings
from transfers.source import A, ZoneSource, large


async def kinds(control: Primary, **wanted: int) -> None:
    """Wait until these transfers are counted."""
    await control.control.until(lambda: control.control.transfers.transfers == wanted)


@pytest.mark.parametrize("udp", [False, True])
async def test_random_changes(process: TransferProcess, udp: bool):
    """However many versions lie between, the copy is the zone."""
    source, random = ZoneSource(serial=0xFFFFFFF0), Random(1)
    async with primary(process.feed_path, source) as control:
        await control.start(settings(source))
        copy = Copy()
        await copy.update(process.where)
        for _ in range(40):
            for _ in range(random.choice((1, 1, 2, 7))):
                await control.publish(source.flip(random))
            await copy.update(process.where, udp)
            assert copy.records == expected(source)
            assert copy.serial == source.serial
        stats = control.control.transfers
        await control.control.until(lambda: sum(control.control.transfers.transfers.values()) >= 41)
        assert stats is not None
        assert control.control.transfers.transfers["ixfr"] >= 30


async def test_a_thousand_versions(process: TransferProcess):
    source, random = large(2000), Random(2)
    async with primary(process.feed_path, source) as control:
        await control.start(settings(source))
        copy = Copy()
        await copy.update(process.where)
        for _ in range(1000):
            await control.publish(source.flip(random))
        await copy.update(process.where)
        assert copy.records == expected(source)
        await kinds(control, axfr=1, ixfr=1)


async def test_a_difference_larger_than_the_zone(process: TransferProcess):
    """It comes as a whole zone, which the client takes for what it is."""
    source = ZoneSource()
    source.put({(source.name(f"n{n}"), A): [bytes((10, 0, n, 1))] for n in range(200)})
    async with primary(process.feed_path, source) as control:
        await control.start(settings(source))
        copy = Copy()
        await copy.update(process.where)
        await control.publish(source.put({(source.name(f"n{n}"), A): [] for n in range(190)}))
        await copy.update(process.where)
        assert copy.records == expected(source)
        await kinds(control, axfr=2)


async def test_a_version_that_is_not_known(process: TransferProcess):
    source, random = large(2000), Random(3)
    async with primary(process.feed_path, source) as control:
        await control.start(settings(source))
        copy = Copy()
        await copy.update(process.where)
        await control.publish(
            source.put({(source.name("web"), A): [b"\1\1\1\1"]}, serial=source.serial + 1000)
        )
        with copy.zone.writer() as transaction:
            transaction.update_serial(10, False, copy.zone.origin)
        await copy.update(process.where)
        assert copy.records == expected(source)
        await control.publish(source.flip(random))
        await copy.update(process.where)
        await kinds(control, axfr=2, ixfr=1)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_a_restart(process: TransferProcess, how: signal.Signals):
    """After an orderly end nobody needs a whole zone; after a crash only who had the very last versions."""
    source, random = large(2000), Random(4)
    async with primary(process.feed_path, source) as control:
        await control.start(settings(source))
        copy = Copy()
        await copy.update(process.where)
        await control.control.until(lambda: any(process.journals.glob("*.journal")))
        for _ in range(30):
            await control.publish(source.flip(random))
        await copy.update(process.where)
        wanted = expected(source)
        process.end(how)
        await control.control.until(lambda: 0 not in control.control.workers)
        control.control.transfers = TransferStats()  # of the next process
        if how is signal.SIGTERM:  # the control process goes on, or comes to other conclusions, meanwhile
            source.flip(random)
        process.start()
        await control.control.until(lambda: 0 in control.control.workers)
        await control.publish()
        await control.publish(source.flip(random))
        await copy.update(process.where)
        assert copy.records == expected(source) != wanted
        if how is signal.SIGTERM:
            await kinds(control, ixfr=1)
        await control.publish(source.flip(random))
        await copy.update(process.where)
        assert copy.records == expected(source)
        await control.control.until(lambda: control.control.transfers.transfers.get("ixfr", 0) >= 1)


async def test_a_restart_of_the_control_process(process: TransferProcess):
    """Transfers go on without it; what it then has is one more version."""
    source, random = large(2000), Random(5)
    copy = Copy()
    async with primary(process.feed_path, source) as control:
        await control.start(settings(source))
        await copy.update(process.where)
        await control.publish(source.flip(random))
    await copy.update(process.where)
    assert copy.records == expected(source)
    for _ in range(10):
        source.flip(random)
    async with primary(process.feed_path, source) as control:
        await control.start(settings(source))
        await copy.update(process.where)
        assert copy.records == expected(source)
        await kinds(control, axfr=1, ixfr=2)


async def test_one_serial_with_two_contents(process: TransferProcess):
    """It can't be mended for who has that serial; but nobody goes on from there into a wrong content."""
    source, random = large(1000), Random(6)
    early, late = Copy(), Copy()
    async with primary(process.feed_path, source) as control:
        await control.start(settings(source))
        await early.update(process.where)
        await control.publish(source.put({(source.name("web"), A): [b"\1\1\1\1"]}))
        await late.update(process.where)
        await control.publish(source.put({(source.name("web"), A): [b"\2\2\2\2"]}, serial=source.serial))
        assert "another content" in process.log
        await control.publish(source.flip(random))
        for copy in (early, late):
            await copy.update(process.where)
            assert copy.records == expected(source)
        await kinds(control, axfr=4)
