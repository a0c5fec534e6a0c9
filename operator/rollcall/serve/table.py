"""What a worker knows: zones, the RRsets in them, and which names exist.

Pure: no wire answers, no I/O. A change costs what it touches (and the depth of its names).
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from rollcall.dnswire.names import parent, suffixes
from rollcall.feed.errors import DeltaError
from rollcall.zone.changes import RRsetDelta, ZoneDelta

REVOKED = -1
"""A negative ttl that is taken back."""


@dataclass(slots=True)
class AnswerSet:
    """Records of one owner and type: record data to weight, in order of arrival.

    `canary` are those of a canary's side, where the set is so large that it may have to be cut.
    """

    ttl: int
    count: int
    members: dict[bytes, int] = field(default_factory=dict)
    canary: frozenset[bytes] = frozenset()


@dataclass(slots=True)
class Node:
    """A name that exists: it has records, or a name below it exists (RFC 8020), or it is known to."""

    rrsets: dict[int, AnswerSet] = field(default_factory=dict)
    children: int = 0
    is_known: bool = False


@dataclass(slots=True)
class AnsweredZone:
    """A zone; the node of its apex is always there."""

    apex: bytes
    serial: int = 0
    soa: bytes = b""
    soa_ttl: int = 0
    nodes: dict[bytes, Node] = field(default_factory=dict)
    negative_ttls: dict[bytes, int] = field(default_factory=dict)

    def negative_ttl(self, name: bytes) -> int:
        """Seconds that a resolver may keep a negative answer for `name`, a name at or below the apex.

        The nearest owner with a ttl of its own decides, within the zone's, which is the SOA's (RFC 2308).
        """
        if self.negative_ttls:
            for owner in suffixes(name):
                ttl = self.negative_ttls.get(owner)
                if ttl is not None:
                    return min(ttl, self.soa_ttl)
        return self.soa_ttl


class Touched(NamedTuple):
    """What a delta changed, for whoever keeps something made from the table.

    `rrsets` are owners and types; `vanished` are names that exist no longer; `everything` says that more
    changed than the two can tell.
    """

    rrsets: list[tuple[bytes, int]]
    vanished: list[bytes]
    everything: bool


class Table:
    """All zones of a worker. A zone inside another one hides the outer one's names at and below its apex."""

    def __init__(self) -> None:
        self.zones: dict[bytes, AnsweredZone] = {}
        self._above: dict[bytes, int] = {}  # names above an apex, and how many apexes are below each

    def zone_of(self, name: bytes) -> AnsweredZone | None:
        """Find the zone whose apex is the longest suffix of `name`."""
        for suffix in suffixes(name):
            zone = self.zones.get(suffix)
            if zone is not None:
                return zone
        return None

    def is_above_a_zone(self, name: bytes) -> bool:
        """Whether a zone begins below `name`, which then exists in the zone around it."""
        return name in self._above

    def apply_delta(self, delta: ZoneDelta) -> Touched:
        """Advance one zone to its next version. Raises DeltaError, after which the table is of no use."""
        touched = Touched([], [], delta.gone or delta.apex not in self.zones or bool(delta.negative_ttls))
        if delta.gone:
            if self.zones.pop(delta.apex, None) is not None:
                self._count_above(delta.apex, -1)
            return touched
        if not delta.soa:
            raise DeltaError(f"zone {delta.apex!r} comes without a SOA")
        zone = self.zones.get(delta.apex)
        if zone is None:
            zone = self.zones[delta.apex] = AnsweredZone(delta.apex, nodes={delta.apex: Node()})
            self._count_above(delta.apex, +1)
        if zone.soa_ttl != delta.soa_ttl:
            touched = touched._replace(everything=True)
        zone.serial, zone.soa, zone.soa_ttl = delta.serial, delta.soa, delta.soa_ttl
        for change in delta.rrsets:
            _change_rrset(zone, change, touched)
        for owner, is_known in delta.names:
            _set_known(zone, owner, is_known, touched)
        for owner, ttl in delta.negative_ttls:
            if ttl == REVOKED:
                zone.negative_ttls.pop(owner, None)
            else:
                zone.negative_ttls[owner] = ttl
        return touched

    def _count_above(self, apex: bytes, step: int) -> None:
        for name in suffixes(parent(apex)):
            count = self._above.get(name, 0) + step
            if count:
                self._above[name] = count
            else:
                del self._above[name]


def _change_rrset(zone: AnsweredZone, change: RRsetDelta, touched: Touched) -> None:
    owner, rdtype = change.owner, change.rdtype
    touched.rrsets.append((owner, rdtype))
    node = zone.nodes.get(owner)
    rrset = node.rrsets.get(rdtype) if node else None
    if rrset is None:
        rrset = AnswerSet(change.ttl, change.count)
    rrset.ttl, rrset.count, rrset.canary = change.ttl, change.count, frozenset(change.canary)
    for rdata in change.remove:
        rrset.members.pop(rdata, None)
    rrset.members.update(change.add)
    if rrset.members:
        if node is None:
            node = _create(zone, owner)
        node.rrsets[rdtype] = rrset
    elif node is not None:
        node.rrsets.pop(rdtype, None)
        _remove_empty(zone, owner, node, touched)


def _set_known(zone: AnsweredZone, owner: bytes, is_known: bool, touched: Touched) -> None:
    node = zone.nodes.get(owner)
    if is_known:
        (node or _create(zone, owner)).is_known = True
    elif node is not None:
        node.is_known = False
        _remove_empty(zone, owner, node, touched)


def _create(zone: AnsweredZone, owner: bytes) -> Node:
    """Let a new name exist, and the names between it and the apex with it."""
    if not owner.endswith(zone.apex):
        raise DeltaError(f"owner {owner!r} is not in zone {zone.apex!r}")
    created = zone.nodes[owner] = Node()
    for name in suffixes(parent(owner)):
        above = zone.nodes.get(name)
        if above is not None:
            above.children += 1
            return created
        zone.nodes[name] = Node(children=1)
    raise DeltaError(f"owner {owner!r} is not in zone {zone.apex!r}")


def _remove_empty(zone: AnsweredZone, name: bytes, node: Node, touched: Touched) -> None:
    """Let a name go that nothing lets exist any longer, and what it alone kept above it."""
    while not (node.rrsets or node.children or node.is_known) and name != zone.apex:
        del zone.nodes[name]
        touched.vanished.append(name)
        name = parent(name)
        node = zone.nodes[name]
        node.children -= 1
