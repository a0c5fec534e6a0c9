"""The last serials that somebody has handed out of a DiscoveryZone: its status tells them. Pure."""

from contextlib import suppress
from typing import NamedTuple

from rollcall.model import ZoneStatus
from rollcall.model.status import SERVE

from .names import InvalidName, from_text


class HandedOut(NamedTuple):
    """A serial; where it is known, the digest of the content that it stands for."""

    serial: int
    digest: int | None


def handed_out(domain: str, status: ZoneStatus) -> dict[bytes, HandedOut]:
    """Return the last serials that a status names, by the apex of the zone (wire format)."""
    found: dict[bytes, HandedOut] = {}
    for each in status.publications:
        if each.target == SERVE:
            _add(found, each.domain, HandedOut(each.serial, None))
    if status.serial:
        _add(found, domain, HandedOut(status.serial, _digest(status)))
    return found


def _add(found: dict[bytes, HandedOut], domain: str, serial: HandedOut) -> None:
    with suppress(InvalidName):  # the zone itself says so in its status
        found[from_text(domain)] = serial


def _digest(status: ZoneStatus) -> int | None:
    try:
        return int(status.digest, 16)
    except ValueError:
        return None
