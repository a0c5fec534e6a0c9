"""One DiscoveryZone: the services placed in it, and the records they contribute."""

from collections.abc import Iterator, Set
from dataclasses import dataclass, field

from rollcall.directory import Directory, Entry
from rollcall.dnswire.names import MAX_LABEL, is_at_or_below, suffixes
from rollcall.model import DiscoveryZone, Instance, Key, Naming, Problem
from rollcall.model.wording import abridged

from .apex import Apex
from .changes import MAX_ANSWER, all_up_to
from .claims import Claims
from .content import Record, ZoneContent
from .names import InvalidName, to_text
from .placement import Placement, place, root_name
from .reverse import pointers

_MAX_NAMED = 5


@dataclass(slots=True)
class Placed:
    """A service in the zone. `instances` are those whose records are in it; `serial` of its last change.

    `hidden` are, by pod, the owners of pointers that have no record because another zone answers for them,
    each with the domain of that zone.
    """

    placement: Placement
    instances: dict[Key, Instance] = field(default_factory=dict)
    hidden: dict[Key, list[tuple[bytes, bytes]]] = field(default_factory=dict)
    serial: int = 0


def selects(zone: DiscoveryZone, entry: Entry) -> bool:
    """Whether a service belongs in a zone by what zone and service ask for."""
    spec = zone.spec
    return (
        (not spec.namespaces or entry.key.namespace in spec.namespaces)
        and (not entry.spec.zones or zone.name in entry.spec.zones)
        and spec.service_selector.matches(entry.labels)
    )


class ServedZone:
    """A DiscoveryZone that has its domain, with all that stands in it."""

    def __init__(self, zone: DiscoveryZone, domain: bytes, directory: Directory, identity: str) -> None:
        self.zone = zone
        self.domain = domain
        self.content = ZoneContent(domain)
        self.reverse: dict[bytes, ZoneContent] = {}
        self.placed: dict[Key, Placed] = {}
        self.problems: dict[Key, Problem] = {}
        self.backlog: dict[Key, None] = {}
        self.building = True
        self.inner: frozenset[bytes] = frozenset()
        self._directory = directory
        self._identity = identity
        self._claims = Claims()
        self._apex: dict[bytes, Apex] = {}
        self._flat_names: dict[str, str] = {}  # with the namespace that may have each
        self._touched: set[Key] = set()

    def configure(self, zone: DiscoveryZone, inner: frozenset[bytes], reverse: frozenset[bytes]) -> None:
        """Change to a new spec; the services follow through the backlog.

        `inner` are the domains of other zones below this one or below its reverse domains, `reverse` these.
        """
        has_moved = reverse != self.reverse.keys() or (reverse and inner != self.inner)
        if has_moved:  # PTR records move between zones as services are placed anew
            for key in list(self.placed):
                self._withdraw(key)
        self.zone, self.inner = zone, inner
        self._flat_names = {each.name: each.namespace for each in zone.spec.flat_names}
        if has_moved:
            self.reverse = {domain: self.reverse.get(domain) or ZoneContent(domain) for domain in reverse}
        self._apex = {
            content.apex: Apex.install(content, zone.spec, self._apex.get(content.apex))
            for content in self.contents()
        }
        self.backlog = dict.fromkeys((*self.placed, *self.problems, *(e.key for e in self._directory)))

    def contents(self) -> Iterator[ZoneContent]:
        """Yield the DNS zones that this one stands for: its own, then the reverse ones."""
        yield self.content
        yield from self.reverse.values()

    def place_service(self, key: Key) -> None:
        """Place a whole service anew: whether it belongs here, under which name, with which records."""
        self.backlog.pop(key, None)
        entry = self._directory.get(key)
        root = self._wanted_root(key, entry)
        for affected in self._claims.claim(key, entry.created if entry else "", root):
            try:
                self._place(affected)
            except Exception as error:
                self._quarantine(affected, error)

    def place_instances(self, key: Key, pods: set[Key]) -> None:
        """Replace the records of single instances of a service that is otherwise unchanged."""
        if key in self.backlog:
            self.place_service(key)
            return
        entry, placed = self._directory.get(key), self.placed.get(key)
        if entry is None or placed is None:
            return
        for pod in pods:
            try:
                self._exchange(key, placed, pod, entry.instances.get(pod))
            except Exception as error:
                self._quarantine(key, error)

    def cut_elsewhere(self, key: Key) -> dict[bytes, tuple[int, int]]:
        """Return the names of a service of which other servers get a part: how many records, of how many."""
        placed = self.placed.get(key)
        return self.content.cut_elsewhere.below(placed.placement.root) if placed else {}

    def problems_of(self, key: Key, pointed: Set[bytes]) -> Iterator[Problem]:
        """Yield why a service is not, or not wholly, in the zone.

        `pointed` are the reverse domains in which it has its pointers, of any zone.
        """
        if (problem := self._collision(key) or self.problems.get(key)) is not None:
            yield problem
        placed = self.placed.get(key)
        owners = placed.hidden.values() if placed else ()
        if hidden := sorted({each for found in owners for each in found if each[1] not in pointed}):
            owner, domain = hidden[0]
            more = f" (and {len(hidden) - 1} more)" if len(hidden) > 1 else ""
            yield Problem(
                "ShadowedByZone",
                f"The name {to_text(owner)}{more} of the zone {self.zone.name} is hidden by the zone"
                f" {to_text(domain)}: select the service in the DiscoveryZone that has it, too, or take the"
                " domain out of its reverseDomains.",
            )

    def _quarantine(self, key: Key, error: Exception) -> None:
        """Note what nobody foresaw of a service: it keeps its last records, and no other suffers."""
        self.problems[key] = Problem(
            "InternalError",
            f"A change of {key} can't be published in the zone {self.zone.name}, what was published before"
            f" stays. This is a defect of Rollcall, please report it: {error!r}",
        )

    def take_touched(self) -> set[Key]:
        """Return the services whose records changed since the last call."""
        touched, self._touched = self._touched, set()
        return touched

    def selects(self, entry: Entry) -> bool:
        """Whether a service belongs in this zone by what zone and service ask for."""
        return selects(self.zone, entry)

    def service_at(self, name: bytes) -> Key | None:
        """Return the service that a name of this zone belongs to (wire format), or None."""
        holders = (self._claims.holder(owner) for owner in suffixes(name))
        return next(filter(None, holders), None)

    def _wanted_root(self, key: Key, entry: Entry | None) -> bytes | None:
        self.problems.pop(key, None)
        if entry is None or not self.selects(entry) or entry.problem:
            return None
        if problem := self._not_granted(key):
            self.problems[key] = problem
            return None
        try:
            root = root_name(key, self.zone.spec.naming, self.domain)
        except InvalidName as error:
            self.problems[key] = Problem("InvalidName", f"In the zone {self.zone.name}: {error}.")
            return None
        if root in self._apex[self.domain].server_names:
            self.problems[key] = Problem(
                "NameCollision",
                f"The name {to_text(root)} belongs to a name server of the zone {self.zone.name}:"
                " rename the service or the server.",
            )
            return None
        for domain in self.inner:
            if is_at_or_below(root, domain) or is_at_or_below(domain, root):
                self.problems[key] = Problem(
                    "ShadowedByZone",
                    f"The name {to_text(root)} of the zone {self.zone.name} is hidden by the zone"
                    f" {to_text(domain)}: select the service in that zone, or rename one of them.",
                )
                return None
        return root

    def _not_granted(self, key: Key) -> Problem | None:
        """Return why a service may not have a name right below the domain, None where it may.

        Who came first would have it at the mercy of who waits: a service that is made anew would find its
        name taken. So a name is a namespace's, by the word of whoever has the zone.
        """
        spec = self.zone.spec
        if spec.naming is not Naming.FLAT or (len(spec.namespaces) == 1 and not spec.flat_names):
            return None
        namespace = self._flat_names.get(key.name)
        if namespace == key.namespace:
            return None
        given = f"to the namespace {namespace}" if namespace else "to no namespace"
        return Problem(
            "NameNotGranted",
            f"The zone {self.zone.name} gives the name {key.name} {given}: have {{name: {key.name},"
            f" namespace: {key.namespace}}} in its flatNames, or have the service in other zones.",
        )

    def _place(self, key: Key) -> None:
        root = self._claims.root(key)
        holder = self._claims.holder(root) if root else None
        entry = self._directory.get(key)
        if entry is None or root is None or holder != key:
            self._withdraw(key)
            return
        self.problems.pop(key, None)
        placement = place(entry, self.zone.spec, self.domain, self._identity)
        if problem := _partial_problem(entry, placement, self.zone):
            self.problems[key] = problem
        placed = self.placed.get(key)
        if placed is not None and not placed.placement.has_records_of(placement):
            self._withdraw(key)
            placed = None
        if placed is None:
            placed = self.placed[key] = Placed(placement)
            self._set_head(key, None, placement)
        elif placed.placement != placement:
            self._set_head(key, placed.placement, placement)
            placed.placement = placement
        for pod in placed.instances.keys() | entry.instances.keys():
            self._exchange(key, placed, pod, entry.instances.get(pod))

    def _collision(self, key: Key) -> Problem | None:
        """Return why a service doesn't have the name that it asks for: whoever has it may be another soon."""
        root = self._claims.root(key)
        holder = self._claims.holder(root) if root is not None else None
        if root is None or holder in (None, key):
            return None
        return Problem(
            "NameCollision",
            f"The name {to_text(root)} of the zone {self.zone.name} still belongs to {holder}.",
        )

    def _withdraw(self, key: Key) -> None:
        placed = self.placed.pop(key, None)
        if placed is None:
            return
        for pod in list(placed.instances):
            self._exchange(key, placed, pod, None)
        self._set_head(key, placed.placement, None)

    def _set_head(self, key: Key, before: Placement | None, after: Placement | None) -> None:
        """Replace what a service has without any instance: its marker, its negative ttl, its known ports."""
        known_before: frozenset[bytes] = before.ports if before else frozenset()
        known: frozenset[bytes] = after.ports if after else frozenset()
        for owner in known_before - known:
            self.content.set_known(owner, is_known=False)
        for owner in known - known_before:
            self.content.set_known(owner, is_known=True)
        if before is not None:
            self.content.remove(before.marker)
            if before.negative_ttl is not None and (after is None or after.negative_ttl is None):
                self.content.set_negative_ttl(before.root, None)
        if after is not None:
            self.content.add(after.marker, after.ttl, all_up_to(MAX_ANSWER))
            if after.negative_ttl is not None:
                self.content.set_negative_ttl(after.root, after.negative_ttl)
        self._touched.add(key)

    def _exchange(self, key: Key, placed: Placed, pod: Key, after: Instance | None) -> None:
        """Replace the records of one instance by those of its new state."""
        before = placed.instances.get(pod)
        if before == after:
            return
        placement = placed.placement
        old = set(self._records(placement, before)) if before else set()
        new = set(self._records(placement, after)) if after else set()
        if after is None:
            del placed.instances[pod]
        else:
            placed.instances[pod] = after
        if self.inner and (hidden := self._hidden(placement, after)):
            placed.hidden[pod] = hidden
        elif placed.hidden:
            placed.hidden.pop(pod, None)
        for content, record in old - new:
            content.remove(record)
        for content, record in new - old:
            ttl = placement.ttl if content is self.content else placement.pointer_ttl
            content.add(record, ttl, placement.count_for(record.rdtype))
        if old != new:
            self._touched.add(key)

    def _records(self, placement: Placement, instance: Instance) -> Iterator[tuple[ZoneContent, Record]]:
        instance, own = placement.narrowed(instance), b""
        for record in placement.records(instance):
            own = own or record.owner
            yield self.content, record
        if not self.reverse or not own:
            return
        for record in pointers(instance, own):
            domain = self._reverse_domain(record.owner)
            if (content := self.reverse.get(domain)) is not None:
                yield content, record

    def _reverse_domain(self, owner: bytes) -> bytes:
        """Return the nearest domain at or above a pointer that some zone has, of those that matter here."""
        for domain in suffixes(owner):
            if domain in self.inner or (domain in self.reverse and domain != owner):
                return domain
        return owner

    def _hidden(self, placement: Placement, instance: Instance | None) -> list[tuple[bytes, bytes]]:
        """Return the owners of an instance's pointers that a zone inside of ours has, and its domain."""
        if instance is None or not self.reverse or not instance.named:
            return []
        owners = (record.owner for record in pointers(placement.narrowed(instance), b""))
        found = ((owner, self._reverse_domain(owner)) for owner in owners)
        return [(owner, domain) for owner, domain in found if domain in self.inner]


def _partial_problem(entry: Entry, placement: Placement, zone: DiscoveryZone) -> Problem | None:
    """Return why some names of a service that is published are missing, or None."""
    if placement.withheld_versions:
        labels = sorted(placement.withheld_versions)
        return Problem(
            "VersionCollision",
            f"Two versions share the DNS label {abridged(labels[:_MAX_NAMED], len(labels))}: give them values"
            " that differ in more than punctuation; until then that label is not published.",
        )
    if placement.families == ():
        return Problem(
            "NoCommonFamily",
            f"It has no addresses in the zone {zone.name}, whose spec.ipFamilies"
            f" ({', '.join(zone.spec.ip_families)}) has none of these ({', '.join(entry.spec.ip_families)})."
            " Change one of the two, or have the service in other zones (spec.zones).",
        )
    for port in entry.ports:
        if len(port.name) >= MAX_LABEL:
            return Problem(
                "InvalidPortName",
                f"The port {port.name} has no SRV records, because an underscore before its name makes it"
                f" longer than a label of DNS may be: use a name of at most {MAX_LABEL - 1} characters.",
            )
    return None
