"""What the leader before us has said that it handed out: the serials in the status of the DiscoveryZones."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

from rollcall.propagation.report import SERVE
from rollcall.watch.resource import DISCOVERY_ZONES
from rollcall.zone.names import InvalidName, from_text


class HandedOut(NamedTuple):
    """A serial; where it is known, the digest of the content that it stands for."""

    serial: int
    digest: int | None


class ReadApi(Protocol):
    """What is needed of a client of the API server; KubeClient is the real one."""

    async def get(self, path: str) -> Any:
        """Read an object or a list."""


async def handed_out_serials(api: ReadApi) -> dict[bytes, HandedOut]:
    """Return the last serial that a status names, by the apex of the zone (wire format).

    Raises:
        KubeError: the zones can't be listed.
    """
    listed = await api.get(DISCOVERY_ZONES.path(None))
    found: dict[bytes, HandedOut] = {}
    for item in listed.get("items") or ():
        status = item.get("status") or {}
        for entry in status.get("publications") or ():
            if entry.get("target") == SERVE:
                _add(found, entry.get("domain", ""), HandedOut(entry.get("serial", 0), None))
        if serial := status.get("serial"):
            _add(found, item["spec"]["domain"], HandedOut(serial, _digest(status)))
    return found


def _add(found: dict[bytes, HandedOut], domain: str, handed_out: HandedOut) -> None:
    with suppress(InvalidName):  # the zone itself says so in its status
        found[from_text(domain)] = handed_out


def _digest(status: Mapping[str, Any]) -> int | None:
    try:
        return int(status["digest"], 16)
    except (KeyError, ValueError):
        return None
