"""The last serials that are known of a DiscoveryZone: who published it has said them in its status. Pure."""

from contextlib import suppress
from typing import NamedTuple

from rollcall.model import ZoneStatus
from rollcall.model.status import SERVE

from .names import InvalidName, from_text


class KnownSerial(NamedTuple):
    """A serial; where it is known, the digest of the content that it stands for."""

    serial: int
    digest: int | None


def known_serials(domain: str, status: ZoneStatus) -> dict[bytes, KnownSerial]:
    """Return the last serials that a status names, by the apex of the zone (wire format)."""
    found: dict[bytes, KnownSerial] = {}
    for each in status.publications:
        if each.target == SERVE:
            _add(found, each.domain, KnownSerial(each.serial, None))
    if status.serial:
        _add(found, domain, KnownSerial(status.serial, _digest(status)))
    return found


def _add(found: dict[bytes, KnownSerial], domain: str, serial: KnownSerial) -> None:
    with suppress(InvalidName):  # the zone itself says so in its status
        found[from_text(domain)] = serial


def _digest(status: ZoneStatus) -> int | None:
    try:
        return int(status.digest, 16)
    except ValueError:
        return None
