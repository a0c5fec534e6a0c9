"""What a new leader reads of the serials that the previous one handed out."""

from collections.abc import Mapping
from typing import Any

from rollcall.leadership.handover import previous_leader_serials
from rollcall.watch import DISCOVERY_ZONES
from rollcall.zone.known_serials import KnownSerial
from rollcall.zone.names import from_text
from unit.api_objects import listed


class Api:
    def __init__(self, *items: dict[str, Any]) -> None:
        self.items = items

    async def list_page(self, path: str, params: Mapping[str, str]) -> bytes:
        assert (path, params) == ("/apis/rollcall.dev/v1alpha1/discoveryzones", {})
        return listed(DISCOVERY_ZONES, self.items)


async def test_the_serial_of_a_zone_comes_with_its_digest_and_those_of_reverse_zones_without():
    status = {
        "serial": 20,
        "digest": "ff",
        "publications": [
            {"domain": "example.com", "target": "serve", "serial": 19},
            {"domain": "10.in-addr.arpa", "target": "serve", "serial": 7},
            {"domain": "10.in-addr.arpa", "target": "bind", "serial": 3},
        ],
    }
    api = Api({"spec": {"domain": "example.com"}, "status": status})
    assert await previous_leader_serials(api) == {
        from_text("example.com"): KnownSerial(20, 255),
        from_text("10.in-addr.arpa"): KnownSerial(7, None),
    }


async def test_zones_without_a_status_and_with_an_odd_one_are_passed_over():
    odd = {"serial": 5, "digest": "?", "publications": [{"domain": "a" * 70, "target": "serve", "serial": 1}]}
    api = Api({"spec": {"domain": "new.example"}}, {"spec": {"domain": "odd.example"}, "status": odd})
    assert await previous_leader_serials(api) == {from_text("odd.example"): KnownSerial(5, None)}


async def test_a_status_that_can_not_be_read_costs_no_other_zone_its_serial(caplog):
    odd = {"spec": {"domain": "odd.example"}, "status": {"serial": "soon"}}
    api = Api(odd, {"spec": {"domain": "example.com"}, "status": {"serial": 5, "digest": "a"}})
    assert await previous_leader_serials(api) == {from_text("example.com"): KnownSerial(5, 10)}
    assert "status can't be read" in caplog.text
