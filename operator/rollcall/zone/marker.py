"""The TXT record at `_rollcall.<root>` that says whose a unit is, and which write was the last.

    _rollcall.web.shop.k8s.example.com TXT "heritage=rollcall" "owner=prod" "service=shop/web" ...

It is told in several places, and differs in what follows whose it is:
- our own server and transfers: the generation of the ServiceInstance, for people;
- updates: the domain and the generation of the write. Each write names the marker that it expects (a
  prerequisite, RFC 2136 section 2.4.2) and replaces it, so that the server itself refuses a writer whose
  view is old;
- octoDNS: the same in one string, without a generation;
- zone files: the DiscoveryFile.
"""

import re
from typing import NamedTuple
from urllib.parse import quote

from rollcall.dnswire import rdata as rd

from .names import to_text

LABEL = "_rollcall"
HERITAGE = "heritage=rollcall"

_PREFIX = bytes((len(LABEL),)) + LABEL.encode()
_MAX_STRING = 255
HIGHEST_EPOCH = 1 << 30
"""What terms of leaders come to at most: one a second, for thirty years. A Lease counts to twice as many."""

HIGHEST_VERSION = 1 << 33
"""Serials have 32 bits; the versions of a unit are a few above them at most."""

_GENERATION = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})")
_TIME = re.compile(r"[0-9]{1,12}")


class Generation(NamedTuple):
    """What orders writes: the epoch of the leader, then the version."""

    epoch: int
    version: int

    def __str__(self) -> str:
        return f"{self.epoch}.{self.version}"


class Marker(NamedTuple):
    """The marker of a unit that is written by updates.

    `domain` is the one that the unit was published for, `service` is empty for a pointer. `tombstone` (Unix
    seconds) is when the unit was found to be wanted by nobody, 0 where it is alive.
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


def marker_name(root: bytes) -> bytes:
    """Return the owner of a unit's marker."""
    return _PREFIX + root


def is_marker_name(owner: bytes) -> bool:
    """Whether an owner is that of a marker."""
    return owner.startswith(_PREFIX)


def root_of_marker(owner: bytes) -> bytes:
    """Return the root of the unit that a marker's owner stands for."""
    return owner[len(_PREFIX) :]


def served_data(owner: str, service: str, generation: int) -> bytes:
    """Return the data of a service's marker as our own server answers it."""
    return rd.txt(HERITAGE, f"owner={owner}", f"service={service}", f"generation={generation}")


def domain_of(apex: bytes) -> str:
    """Return what markers say of a domain: its name, cut where a character string ends."""
    return to_text(apex)[: _MAX_STRING - len("domain=")]


def parse(data: bytes) -> Marker | None:
    """Parse the marker of an update; None where the record is another one."""
    fields = _fields(data)
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
    """Return the service that a marker names, whatever else it says; "" where it names none."""
    return _fields(data).get("service", "")


def one_string(data: bytes) -> str:
    """Return a marker as octoDNS gets it: one string (it holds no others), without the generation.

    A generation would be one more change at the provider each time: octoDNS has no way to make a write
    depend on it.
    """
    return ",".join(_quoted(each) for each in _strings(data) if not each.startswith("generation="))


def own_string(identity: str) -> str:
    """Return how each marker of an installation begins as octoDNS gets it; a pointer's is no longer."""
    return f"{HERITAGE},{_quoted(f'owner={identity}')}"


def is_own_string(text: str, identity: str) -> bool:
    """Whether a TXT record, as octoDNS gives it, is a marker of this installation."""
    own = own_string(identity)
    return text == own or text.startswith(f"{own},")


def _quoted(text: str) -> str:
    """Write a string so that no provider has to escape anything: they differ in how."""
    return quote(text, safe="=/")


def _fields(data: bytes) -> dict[str, str]:
    """Return what a marker says, nothing where the record is not a marker."""
    strings = _strings(data)
    if HERITAGE not in strings:
        return {}
    fields: dict[str, str] = {}
    for string in strings:
        key, separator, value = string.partition("=")
        if separator:
            fields.setdefault(key, value)
    return fields


def _strings(data: bytes) -> list[str]:
    strings = []
    at = 0
    while at < len(data):
        length = data[at]
        strings.append(data[at + 1 : at + 1 + length].decode(errors="replace"))
        at += 1 + length
    return strings
