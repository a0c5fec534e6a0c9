"""Real secondaries of our transfer process: after random changes each has what we have, by IXFR."""

import asyncio
import re
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from nameservers import Bind, CoreDNS, Knot, Nameserver, Nsd, PowerDNS, Records, records, serial, serving
from nameservers.asking import wait_until
from transfers.client import domain_of, expected
from transfers.running import KEY_TEXT, TransferProcess, primary, settings
from transfers.source import ZoneSource, large
from waiting import until

CHANGES = 60
READABLE = {
    Knot: ("action: notify", "action: [notify, transfer]"),
    Nsd: ("    request-xfr:", "    provide-xfr: 127.0.0.1 rollcall\n    request-xfr:"),
    PowerDNS: ("secondary=yes\n", "secondary=yes\nallow-axfr-ips=127.0.0.1\n"),
    CoreDNS: ("    loadbalance\n", "    transfer {\n        to *\n    }\n"),
}
"""What a configuration lacks for a test to read a secondary's copy as a whole."""


def make(kind: type[Nameserver], folder: Path, process: TransferProcess) -> Nameserver:
    """Return a secondary of the process as its page sets it up, whose copy can be read."""
    secondary: Nameserver = kind.secondary(folder, process.where)  # type: ignore[attr-defined]
    if kind in READABLE:
        lacking, whole = READABLE[kind]
        assert lacking in secondary.config
        secondary.config = secondary.config.replace(lacking, whole)
    return secondary


def content(secondary: Nameserver, source: ZoneSource) -> Records:
    """Return what a secondary has, by AXFR from it."""
    key = None if isinstance(secondary, CoreDNS | PowerDNS) else KEY_TEXT
    return records(secondary, domain_of(source), key)


@pytest.mark.parametrize("kind", [Bind, Knot, Nsd, PowerDNS, CoreDNS])
async def test_random_changes(tmp_path: Path, process: TransferProcess, kind: type[Nameserver]):
    """Changes come faster than the secondary follows; it need not have each version, but the last one."""
    source, random = large(2000), Random(kind.program)
    first = source.serial
    secondary = make(kind, tmp_path / "secondary", process)
    allowed = ["127.0.0.1"] if kind is CoreDNS else []
    async with primary(process.feed_path, source) as control:
        with serving(secondary):
            place = ("127.0.0.1", secondary.port)
            await control.start(settings(source, secondaries=[place], allow_unsigned=allowed))
            await until_current(secondary, source)
            assert content(secondary, source) == expected(source)
            for number in range(CHANGES):
                await control.publish(source.flip(random))
                if number % 3 == 0:
                    await until_current(secondary, source)
            await until_current(secondary, source)
            assert content(secondary, source) == expected(source)
            told = control.control

            def is_told() -> bool:
                state = told.states[source.apex, "secondary-0"]
                return (state.serial, state.reason) == (source.serial, "Current")

            await told.until(is_told, "the last serial")
    transfers = re.findall(r": ([AI]XFR) of serial (\d+) to", process.log)
    later = Counter(what for what, of in transfers if int(of) > first)
    if kind is CoreDNS:
        assert later.keys() == {"AXFR"}, "it takes differences now: say so in its page"
    else:
        assert later["IXFR"] >= CHANGES // 3
        # NSD takes two differences within one of its reloads, and then asks for the whole zone all the same.
        mistaken = secondary.log.count("update failed, restarting transfer")
        assert later["AXFR"] <= later["IXFR"] // 100 + mistaken, transfers
        assert kind is Nsd or not mistaken


@pytest.mark.parametrize("kind", [Bind, Knot])
async def test_a_restart_is_nothing_to_them(tmp_path: Path, process: TransferProcess, kind: type[Nameserver]):
    """Nothing is transferred where nothing has changed, and what has changed by IXFR."""
    source, random = large(2000), Random(kind.program)
    secondary = make(kind, tmp_path / "secondary", process)
    async with primary(process.feed_path, source) as control:
        with serving(secondary):
            place = ("127.0.0.1", secondary.port)
            await control.start(settings(source, secondaries=[place]))
            await until_current(secondary, source)
            await control.publish(source.flip(random))
            await until_current(secondary, source)
            told = control.control
            process.end()
            await told.until(lambda: 0 not in told.workers)  # what it has said last comes before that
            told.states.clear()
            process.start()
            await told.until(lambda: (source.apex, "secondary-0") in told.states)
            await told.until(lambda: told.states[source.apex, "secondary-0"].serial == source.serial)
            await control.publish(source.flip(random))
            await until_current(secondary, source)
            assert content(secondary, source) == expected(source)

    def logged() -> list[str]:
        _, after = process.log.rsplit("Using selector", 1)
        return re.findall(r": ([AI]XFR) of serial", after)

    await until(logged, "a transfer in the log, where it comes after the last octet of it")
    assert logged() == ["IXFR"]


async def until_current(secondary: Nameserver, source: ZoneSource) -> None:
    await asyncio.to_thread(
        wait_until, secondary, lambda: serial(secondary, domain_of(source)) == source.serial
    )
