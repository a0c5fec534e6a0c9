"""The last serials that the previous leader has handed out: the status of each DiscoveryZone tells them."""

import logging
from collections.abc import Mapping
from typing import Protocol

import msgspec

from rollcall.kube.errors import UNDECODABLE
from rollcall.model import ZoneStatus
from rollcall.watch.resource import DISCOVERY_ZONES
from rollcall.zone.known_serials import KnownSerial, known_serials

log = logging.getLogger(__name__)


class ReadApi(Protocol):
    """What is needed of a client of the API server; the tests put another one in place of KubeClient."""

    async def list_page(self, path: str, params: Mapping[str, str]) -> bytes:
        """Read a page of a collection; without a limit, all of it."""


class _Spec(msgspec.Struct, frozen=True):
    domain: str


class _Zone(msgspec.Struct, frozen=True):
    spec: _Spec
    status: ZoneStatus = ZoneStatus()


_decode = msgspec.json.Decoder(_Zone).decode


async def previous_leader_serials(api: ReadApi) -> dict[bytes, KnownSerial]:
    """Return the last serial that a status names, by the apex of the zone (wire format).

    Raises:
        KubeError: the zones can't be listed.
    """
    page = DISCOVERY_ZONES.read_page(await api.list_page(DISCOVERY_ZONES.path(None), {}))
    found: dict[bytes, KnownSerial] = {}
    for raw in page.items:
        try:
            zone = _decode(raw)
        except UNDECODABLE as error:  # another version of Rollcall has written it
            log.warning("a DiscoveryZone whose status can't be read: %s", error)
            continue
        found |= known_serials(zone.spec.domain, zone.status)
    return found
