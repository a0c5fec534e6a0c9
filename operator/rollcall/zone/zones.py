"""All DiscoveryZones together: who has which domain, what changed, what is the whole.

Live changes overtake a flood: `place` works at once on the services that changed, `place_backlog` works off
the services of a new or changed zone, in slices. A new zone is handed out only when it is complete.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from rollcall.directory import Directory, ServiceChange
from rollcall.dnswire.names import is_at_or_below
from rollcall.model import DiscoveryZone, Key, Problem

from .apex import Apex
from .changes import ZoneDelta
from .content import ZoneContent
from .installation import Installation
from .names import InvalidName, from_text, to_text
from .serial import is_newer, next_serial
from .served import ServedZone, selects


class Commit(NamedTuple):
    """What a commit changed: the deltas, the services whose records are among them, the DiscoveryZones."""

    deltas: tuple[ZoneDelta, ...] = ()
    services: frozenset[Key] = frozenset()
    zones: frozenset[str] = frozenset()


class PublishedName(NamedTuple):
    """Where a service is published: the zone, its main name there, the serial of its last change."""

    zone: str
    name: bytes
    serial: int


class Past(NamedTuple):
    """What is known of a zone from before a restart.

    `ceiling` is the largest serial that may have been handed out: serials go on above it. `serial` and
    `digest` are those of the last version where the stop was orderly, 0 otherwise: a zone whose content is
    still the same keeps its serial.
    """

    ceiling: int
    serial: int = 0
    digest: int = 0


class Zones:
    """The zones of an installation; those of others are known, and no more. `past` is by apex."""

    def __init__(
        self, directory: Directory, installation: Installation, past: Mapping[bytes, Past] | None = None
    ) -> None:
        self.installation = installation
        self._directory = directory
        self._past = dict(past or {})
        self._wanted: dict[str, DiscoveryZone] = {}
        self._served: dict[str, ServedZone] = {}
        self._problems: dict[str, Problem] = {}
        self._gone: dict[bytes, ZoneContent] = {}
        self._resumed: dict[bytes, int] = {}

    def apply_zone(self, zone: DiscoveryZone) -> None:
        """Add a DiscoveryZone, or replace its spec, or whose it is."""
        if self._wanted.get(zone.name) != zone:
            self._wanted[zone.name] = zone
            self._arrange()

    def remove_zone(self, name: str) -> None:
        """Withdraw a DiscoveryZone."""
        if self._wanted.pop(name, None) is not None:
            self._arrange()

    def place(self, changes: Mapping[Key, ServiceChange]) -> None:
        """Place anew what changed in the directory."""
        for key, change in changes.items():
            for served in self._served.values():
                if change.whole:
                    served.place_service(key)
                else:
                    served.place_instances(key, change.pods)

    def place_backlog(self, services: int) -> bool:
        """Work off some of the backlog; return whether there is more."""
        for served in self._served.values():
            while served.backlog:
                if services <= 0:
                    return True
                services -= 1
                served.place_service(next(iter(served.backlog)))
            served.building = False
        return False

    def commit(self, unix_seconds: int) -> Commit:
        """Close a version of each zone that changed and is complete."""
        deltas = self._take_gone()
        services: set[Key] = set()
        zones: set[str] = set()
        for name, served in self._served.items():
            if served.building:
                continue
            for content in served.contents():
                if delta := self._commit(content, unix_seconds):
                    deltas.append(delta)
                    zones.add(name)
            touched = served.take_touched()
            services |= touched
            for key in touched:
                if (placed := served.placed.get(key)) is not None:
                    placed.serial = served.content.serial
        return Commit(tuple(deltas), frozenset(services), frozenset(zones))

    def resume(self, apex: bytes, serial: int, digest: int | None = None) -> None:
        """Go beyond a newer serial of a zone that somebody else has, with the next commit.

        Where the digest shows that it has the same content, the next commit takes over that very serial: so
        a new leader hands out nothing that the previous one hasn't. Of a zone that is not handed out yet, it
        holds for the first commit. Call it between commits.
        """
        content = next((each for each in self.contents() if each.apex == apex and each.serial), None)
        if content is None:
            past = self._past.get(apex)
            if past is None or is_newer(serial, past.ceiling):
                self._past[apex] = Past(serial) if digest is None else Past(serial, serial, digest)
        elif is_newer(serial, content.serial):
            if digest == content.digest:
                self._resumed[apex] = serial
            content.go_on_from(serial)

    def full_deltas(self) -> Iterator[ZoneDelta]:
        """Yield the last committed version of every zone, as a delta from nothing.

        Call it right after a commit: what was not committed yet would be in it.
        """
        for content in self.contents():
            yield content.full_delta()

    def contents(self) -> Iterator[ZoneContent]:
        """Yield every DNS zone that is complete, reverse ones included."""
        for served in self._served.values():
            if not served.building:
                yield from served.contents()

    def served_zones(self) -> Iterator[ServedZone]:
        """Yield the DiscoveryZones that have their domain, complete or not."""
        for name in self._wanted:
            if (served := self._served.get(name)) is not None:
                yield served

    def get(self, name: str) -> ServedZone | None:
        """Return a DiscoveryZone that has its domain, or None."""
        return self._served.get(name)

    def problem(self, name: str) -> Problem | None:
        """Return why a DiscoveryZone can't be served as asked, or None."""
        return self._problems.get(name)

    def wanted(self, name: str) -> DiscoveryZone | None:
        """Return a DiscoveryZone as its user wrote it, or None."""
        return self._wanted.get(name)

    def names(self) -> list[str]:
        """Return the names of all DiscoveryZones, served or not."""
        return list(self._wanted)

    def is_owned(self, name: str) -> bool:
        """Whether the status of a DiscoveryZone says that it is ours: only then it goes to other servers."""
        zone = self._wanted.get(name)
        return zone is not None and zone.owner == self.installation.identity

    def refused(self) -> Iterator[tuple[DiscoveryZone, Problem]]:
        """Yield the DiscoveryZones that are not published as asked from here, and why: others' too."""
        for name, zone in self._wanted.items():
            if problem := self._problems.get(name) or self.installation.why_off(zone):
                yield zone, problem

    def reporter(self, key: Key) -> str | None:
        """Return the identity of the installation that writes the status of a service.

        It is the owner of the oldest zone that selects the service; "" while none of ours that does is
        owned yet. None: no zone selects it, and whoever looks says so. All installations see the same
        zones, and so come to the same result.
        """
        entry = self._directory.get(key)
        if entry is None:
            return None
        zones = [zone for zone in self._wanted.values() if selects(zone, entry)]
        owned = [zone for zone in zones if zone.owner]
        if owned:
            return min(owned, key=_age).owner
        return "" if any(map(self.installation.takes, zones)) else None

    def published_names(self, key: Key) -> list[PublishedName]:
        """Return where a service is published, by zone name."""
        return [
            PublishedName(name, placed.placement.root, placed.serial)
            for name, served in sorted(self._served.items())
            if not served.building and (placed := served.placed.get(key)) is not None
        ]

    def largest_ttl(self, services: Iterable[Key], zones: Iterable[str]) -> int:
        """Return the largest ttl (seconds) of the records of services in these zones, 0 without zones.

        A service that is no longer in a zone counts with the zone's own ttl.
        """
        keys = list(services)
        largest = 0
        for name in zones:
            if (served := self._served.get(name)) is not None:
                ttls = (placed.placement.ttl for key in keys if (placed := served.placed.get(key)))
                largest = max(largest, served.zone.spec.ttl_seconds, *ttls)
        return largest

    def cut(self, key: Key) -> dict[bytes, tuple[int, int]]:
        """Return the names of a service of which an answer holds a part: how many records, of how many."""
        found: dict[bytes, tuple[int, int]] = {}
        for served in self._served.values():
            if (placed := served.placed.get(key)) is not None:
                found |= served.content.cut.below(placed.placement.root)
        return found

    def service_problems(self, key: Key) -> list[Problem]:
        """Return why a service is not, or not wholly, in zones that select it."""
        pointed = {
            apex for served in self._served.values() if key in served.placed for apex in served.reverse
        }
        zones = (served for _, served in sorted(self._served.items()))
        return [problem for served in zones for problem in served.problems_of(key, pointed)]

    def selecting(self, key: Key) -> list[ServedZone]:
        """Return the zones that select a service, whether or not it can be placed there, by zone name."""
        entry = self._directory.get(key)
        if entry is None:
            return []
        return [served for _, served in sorted(self._served.items()) if served.selects(entry)]

    def _commit(self, content: ZoneContent, unix_seconds: int) -> ZoneDelta | None:
        if content.serial:
            resumed = self._resumed.pop(content.apex, None)
            return content.commit(resumed or next_serial(content.serial, unix_seconds))
        past = self._past.get(content.apex, Past(0))
        delta = content.commit(next_serial(past.ceiling, unix_seconds))
        if past.serial and past.digest == content.digest:
            content.serial = past.serial  # nothing changed over a restart: one content, one serial
            return content.full_delta()
        return delta

    def _take_gone(self) -> list[ZoneDelta]:
        """Return the withdrawals that are due: a domain with a new owner waits until that is whole."""
        waiting = {
            content.apex
            for served in self._served.values()
            if served.building
            for content in served.contents()
        }
        due = [content for apex, content in self._gone.items() if apex not in waiting]
        for content in due:
            del self._gone[content.apex]
        return [ZoneDelta(content.apex, content.serial, gone=True) for content in due]

    def _arrange(self) -> None:
        """Decide anew who has which domain, and configure the zones whose situation changed."""
        self._problems = {}
        ours = {zone.name: zone for zone in sorted(self._ours(), key=_age)}
        domains = self._owners(ours)
        reverse = self._reverse_owners(ours, domains)
        apexes = [*((domain, name) for name, domain in domains.items()), *reverse.items()]
        for name in [name for name in self._served if domains.get(name) != self._served[name].domain]:
            for content in self._served.pop(name).contents():
                self._retire(content)
        for name, domain in domains.items():
            zone = ours[name]
            served = self._served.get(name)
            mine = frozenset(d for d, owner in reverse.items() if owner == name)
            inner = frozenset(
                each
                for each, owner in apexes
                if owner != name and any(is_at_or_below(each, above) for above in (domain, *mine))
            )
            if served is None:
                identity = self.installation.identity
                served = self._served[name] = ServedZone(zone, domain, self._directory, identity)
            elif served.zone.spec == zone.spec and served.inner == inner and served.reverse.keys() == mine:
                served.zone = zone
                continue
            for lost in [content for d, content in served.reverse.items() if d not in mine]:
                self._retire(lost)
            served.configure(zone, inner, mine)

    def _retire(self, content: ZoneContent) -> None:
        """Withdraw a zone that was handed out; its serial is kept for its return."""
        if content.serial:
            self._gone[content.apex] = content
            self._past[content.apex] = Past(content.serial)

    def _ours(self) -> Iterator[DiscoveryZone]:
        """Yield our zones. One that can't be followed any more keeps the last spec that could be."""
        for zone in self._wanted.values():
            if not self.installation.takes(zone):
                continue
            if (refusal := self.installation.refusal(zone)) is None:
                yield zone
            elif (served := self._served.get(zone.name)) is None:
                self._problems[zone.name] = refusal
            else:
                stays = f"{refusal.message} What was published before stays until then."
                self._problems[zone.name] = msgspec.structs.replace(refusal, message=stays)
                yield msgspec.structs.replace(zone, spec=served.zone.spec)

    def _owners(self, ours: Mapping[str, DiscoveryZone]) -> dict[str, bytes]:
        """Return the domain of each zone that has one: the oldest of those that ask for it."""
        owners: dict[bytes, str] = {}
        domains: dict[str, bytes] = {}
        for zone in ours.values():
            try:
                domain = from_text(zone.spec.domain)
                Apex.of(domain, zone.spec)
            except ValueError as error:
                self._problems[zone.name] = Problem("InvalidDomain", f"spec: {error}.")
                continue
            owner = owners.setdefault(domain, zone.name)
            if owner == zone.name:
                domains[zone.name] = domain
            else:
                self._problems[zone.name] = Problem(
                    "DomainTaken",
                    f"The domain {to_text(domain)} belongs to the DiscoveryZone {owner}, which is older:"
                    " use another domain, or delete one of the two.",
                )
        return domains

    def _reverse_owners(
        self, ours: Mapping[str, DiscoveryZone], domains: Mapping[str, bytes]
    ) -> dict[bytes, str]:
        owners = {domain: name for name, domain in domains.items()}
        for name in domains:
            for text in ours[name].spec.reverse_domains:
                try:
                    domain = from_text(text)
                except InvalidName as error:
                    self._problems[name] = Problem("InvalidDomain", f"spec.reverseDomains: {error}.")
                    continue
                owner = owners.setdefault(domain, name)
                if owner != name or domain == domains[name]:
                    self._problems[name] = Problem(
                        "DomainTaken",
                        f"The reverse domain {text} belongs to the DiscoveryZone {owner}, which is older:"
                        " name it in one of them only.",
                    )
        return {domain: name for domain, name in owners.items() if domain != domains[name]}


def _age(zone: DiscoveryZone) -> tuple[str, str]:
    """Order zones by age, the oldest first; all installations do it alike."""
    return zone.created, zone.name
