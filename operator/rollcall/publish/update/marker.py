"""The TXT record at `_rollcall.<root>` that says whose a unit is, and which write was the last.

Each write names the marker that it expects (a prerequisite, RFC 2136 section 2.4.2) and replaces it, so that
the server itself refuses a writer whose view is old.
"""

import re
from typing import NamedTuple

from rollcall.zone import rdata as rd
from rollcall.zone.names import to_text
from rollcall.zone.placement import MARKER

HERITAGE = "heritage=rollcall"
LABEL = bytes((len(MARKER),)) + MARKER.encode()

_MAX_STRING = 255
_GENERATION = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})")
_TIME = re.compile(r"[0-9]{1,12}")


class Generation(NamedTuple):
    """What orders writes: the epoch of the leader, then the version."""

    epoch: int
    version: int

    def __str__(self) -> str:
        return f"{self.epoch}.{self.version}"


class Marker(NamedTuple):
    """A marker. `domain` is the one that the unit was published for, `service` is empty for a pointer.

    `tombstone` (Unix seconds) is when the unit was found to be wanted by nobody, 0 where it is alive.
    """

    owner: str
    domain: str
    service: str
    generation: Generation
    tombstone: int = 0

    def data(self) -> bytes:
        """Return the record data."""
        strings = [HERITAGE, f"owner={self.owner}"]
        if self.service:
            strings.append(f"service={self.service}")
        strings += [f"domain={self.domain}", f"generation={self.generation}"]
        if self.tombstone:
            strings.append(f"tombstone={self.tombstone}")
        return rd.txt(*strings)


def domain_of(apex: bytes) -> str:
    """Return what markers say of a domain: its name, cut where a character string ends."""
    return to_text(apex)[: _MAX_STRING - len("domain=")]


def marker_name(root: bytes) -> bytes:
    """Return the owner of a unit's marker."""
    return LABEL + root


def is_marker_name(owner: bytes) -> bool:
    """Whether an owner is that of a marker."""
    return owner.startswith(LABEL)


def root_of_marker(owner: bytes) -> bytes:
    """Return the root of the unit that a marker's owner stands for."""
    return owner[len(LABEL) :]


def parse(data: bytes) -> Marker | None:
    """Read a marker; None where the record is none."""
    strings = _strings(data)
    if HERITAGE not in strings:
        return None
    fields: dict[str, str] = {}
    for string in strings:
        key, separator, value = string.partition("=")
        if separator:
            fields.setdefault(key, value)
    generation = _GENERATION.fullmatch(fields.get("generation", ""))
    if "owner" not in fields or generation is None:
        return None
    tombstone = fields.get("tombstone", "")
    return Marker(
        fields["owner"],
        fields.get("domain", ""),
        fields.get("service", ""),
        Generation(int(generation[1]), int(generation[2])),
        int(tombstone) if _TIME.fullmatch(tombstone) else 0,
    )


def service_of(data: bytes) -> str:
    """Return the service that a marker names, of whatever form its generation is."""
    for string in _strings(data):
        if string.startswith("service="):
            return string.removeprefix("service=")
    return ""


def _strings(data: bytes) -> list[str]:
    strings = []
    at = 0
    while at < len(data):
        length = data[at]
        strings.append(data[at + 1 : at + 1 + length].decode("utf-8", "surrogateescape"))
        at += 1 + length
    return strings
