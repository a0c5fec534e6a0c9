"""Who serves transfers: the leader, and what it says where it can't. In virtual time."""

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from rollcall.directory import Directory
from rollcall.model import Secondary, Transfer
from rollcall.publish.secondaries_feed import OFF, SecondariesFeed
from rollcall.zone import Installation, Zones
from rollcall.zone.names import from_text
from unit.running import running
from unit.world import zone

if TYPE_CHECKING:
    from rollcall.propagation.report import TargetReport

pytestmark = pytest.mark.looptime

APEX = from_text("example.com")


class UnservedZone:
    """A zone with a secondary, and no process that transfers it; `said` is what was reported of it."""

    def __init__(self) -> None:
        self.said: list[TargetReport] = []
        self.zones = Zones(Directory(), Installation("test"))
        keys: Any = None  # the secondary has none
        self.feed = SecondariesFeed(None, self.zones, keys, self.said.append, lambda *_: None)
        transfer = Transfer(secondaries=(Secondary("knot", "192.0.2.1"),))
        self.zones.apply_zone(zone(transfer=transfer))
        self.zones.place_backlog(100)
        self.zones.commit(1_800_000_000)


async def test_only_a_leader_says_that_it_serves_no_transfers() -> None:
    unserved = UnservedZone()
    unserved.feed.on_zones_changed()
    assert unserved.said == []
    async with running(unserved.feed.lead()):
        await asyncio.sleep(1.0)
        assert [(each.domain, each.target, each.reason) for each in unserved.said] == [(APEX, "knot", OFF)]
    unserved.feed.on_zones_changed()
    assert len(unserved.said) == 1
