"""The last serials that the previous leader has handed out: the status of each DiscoveryZone tells them."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple, Protocol

import msgspec

from rollcall.kube.errors import UNDECODABLE
from rollcall.model import ZoneStatus
from rollcall.model.status import SERVE
from rollcall.watch.resource import DISCOVERY_ZONES
from rollcall.zone.names import InvalidName, from_text

log = logging.getLogger(__name__)


class HandedOut(NamedTuple):
    """A serial; where it is known, the digest of the content that it stands for."""

    serial: int
    digest: int | None


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


async def previous_leader_serials(api: ReadApi) -> dict[bytes, HandedOut]:
    """Return the last serial that a status names, by the apex of the zone (wire format).

    Raises:
        KubeError: the zones can't be listed.
    """
    page = DISCOVERY_ZONES.read_page(await api.list_page(DISCOVERY_ZONES.path(None), {}))
    found: dict[bytes, HandedOut] = {}
    for raw in page.items:
        try:
            zone = _decode(raw)
        except UNDECODABLE as error:  # another version of Rollcall has written it
            log.warning("a DiscoveryZone whose status can't be read: %s", error)
            continue
        status = zone.status
        for each in status.publications:
            if each.target == SERVE:
                _add(found, each.domain, HandedOut(each.serial, None))
        if status.serial:
            _add(found, zone.spec.domain, HandedOut(status.serial, _digest(status)))
    return found


def _add(found: dict[bytes, HandedOut], domain: str, handed_out: HandedOut) -> None:
    with suppress(InvalidName):  # the zone itself says so in its status
        found[from_text(domain)] = handed_out


def _digest(status: ZoneStatus) -> int | None:
    try:
        return int(status.digest, 16)
    except ValueError:
        return None
