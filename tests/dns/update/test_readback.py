"""The whole zone is read only where somebody else may have written: a flip must not cost that."""

import asyncio
from typing import Any

import dns.update
import pytest

from nameservers import Nameserver, PowerDNS, send
from rollcall.publish.update import reader, transfer
from updates import Source, many, running
from waiting import until


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note each look at the zone, and each transfer that it has led to."""
    found: list[str] = []
    look = reader.Reader.read_back

    async def noted_zone(*arguments: Any) -> Any:
        found.append("zone")
        return await transfer.read_zone(*arguments)

    async def noted_look(self: reader.Reader) -> None:
        await look(self)
        found.append("look")

    monkeypatch.setattr(reader, "read_zone", noted_zone)
    monkeypatch.setattr(reader.Reader, "read_back", noted_look)
    return found


async def test_our_own_changes_need_no_reading(server: Nameserver, domain: str, readings: list[str]) -> None:
    counts = not isinstance(
        server, PowerDNS
    )  # it may set serials by the day; then the zone is read each time
    source = Source(domain)
    source.service("web.shop", many(3))
    async with running(source, server) as it:
        await it.current()
        await looked(it, readings)  # the first message was read back, so that it may have had no effect
        first = readings.count("zone")
        assert first == 2
        for number in range(1, 8):
            source.service("web.shop", many(number))
            await it.current()
        before = it.outcomes["applied"]
        assert before >= 8
        await looked(it, readings)
        source.service("web.shop", many(2))
        await it.current()
        await looked(it, readings)
        ours = readings.count("zone")
        assert ours == first or not counts

        message = dns.update.UpdateMessage(domain)
        message.delete("web.shop", "A")
        assert send(server, message).rcode() == 0
        await looked(it, readings)
        assert readings.count("zone") == ours + 1
        await until(lambda: it.outcomes["applied"] > before + 1)


async def looked(it: Any, readings: list[str]) -> None:
    """Let it look at the zone, and wait until it has."""
    count = readings.count("look")
    it.repair()
    await until(lambda: _more(readings, count))


async def _more(readings: list[str], count: int) -> bool:
    await asyncio.sleep(0)
    return readings.count("look") > count
