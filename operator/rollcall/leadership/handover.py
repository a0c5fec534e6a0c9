"""The last serials that the previous leader has handed out: the status of each DiscoveryZone tells them."""

import logging
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

import msgspec

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

    async def get(self, path: str) -> Any:
        """Read an object or a list."""


class _Spec(msgspec.Struct, frozen=True):
    domain: str


class _Zone(msgspec.Struct, frozen=True):
    spec: _Spec
    status: ZoneStatus = ZoneStatus()


async def previous_leader_serials(api: ReadApi) -> dict[bytes, HandedOut]:
    """Return the last serial that a status names, by the apex of the zone (wire format).

    Raises:
        KubeError: the zones can't be listed.
    """
    listed = await api.get(DISCOVERY_ZONES.path(None))
    found: dict[bytes, HandedOut] = {}
    for item in listed.get("items") or ():
        try:
            zone = msgspec.convert(item, _Zone)
        except msgspec.ValidationError as error:  # another version of Rollcall has written it
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
