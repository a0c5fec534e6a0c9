"""What was read at the server, a whole zone or single units, and what it says of other writers. No I/O."""

from collections.abc import Iterator, Mapping

from rollcall.dnswire.types import MANAGED_TYPES, Type
from rollcall.zone.exported import ExportedRRset
from rollcall.zone.marker import marker_name

from .publication import Publication, data_of
from .server_state import NO_MARKER, Held, ServerState, held

SLICE = 500
"""RRsets that are compared at a time: about a millisecond."""


class Learning:
    """Takes in what was read. It holds nothing of its own."""

    def __init__(self, publication: Publication) -> None:
        self._publication = publication

    def learn(self, found: ServerState, since: int) -> Iterator[None]:
        """Take in the whole zone as it was at a point of ours; a slice at a time.

        Units that we wrote to since then are left as we know them.
        """
        publication = self._publication
        count = 0
        for root in list({**found.units, **publication.state.units}):
            if not publication.is_newer(root, since):
                self._replace(root, found.units.get(root), found)
                publication.unsure.discard(root)
                publication.note_orphan(root)
            unit = found.units.get(root)
            count += 1 + (len(unit.rrsets) if unit else 0)
            if count >= SLICE:
                count = 0
                yield
        for root in publication.touched_since(since):
            for owner in list(found.foreign_below(root)):
                found.set_foreign(owner, {})
        publication.state.foreign, publication.state.below = found.foreign, found.below
        publication.learned = True
        yield
        for root in list(publication.units):
            count += 1 + len(publication.units.keys(root))
            publication.compare(root)
            if count >= SLICE:
                count = 0
                yield
        for root in publication.withdrawn:
            publication.backlog.add(root, (), publication.backlog.flood)
        publication.looked_at_all(since)

    def learned_by_name(self, since: int) -> None:
        """Take in that all names that we know of were read: more is not to be had from this server."""
        publication = self._publication
        publication.learned = True
        for root in [root for root in publication.unsure if not publication.is_newer(root, since)]:
            publication.unsure.discard(root)
            if root not in publication.units:
                publication.backlog.add(root, (), publication.backlog.flood)

    def read(
        self, root: bytes, marker: ExportedRRset | None, names: Mapping[bytes, Mapping[int, ExportedRRset]]
    ) -> None:
        """Take in a single unit: its marker, and what is at each of its names that we know of."""
        publication = self._publication
        unit = held(marker) if marker else None
        if marker is not None and unit is None:
            publication.state.set_foreign(marker_name(root), {Type.TXT: marker})
        known = publication.state.units.get(root)
        if unit is not None and known is not None:  # a whole reading may have found names meanwhile
            unit.rrsets.update({key: it for key, it in known.rrsets.items() if key[0] not in names})
        for owner, rrsets in names.items():
            mine = {(owner, rdtype): rrset for rdtype, rrset in rrsets.items() if rdtype in MANAGED_TYPES}
            if unit is not None and unit.found.owner == publication.identity and (mine or not rrsets):
                unit.rrsets.update(mine)
                publication.state.set_foreign(owner, {})
            else:
                publication.state.set_foreign(owner, rrsets)
        self._replace(root, unit, publication.state)
        publication.note_orphan(root)
        publication.compare(root, live=True)

    def reread(
        self, root: bytes, marker: ExportedRRset | None, names: Mapping[bytes, Mapping[int, ExportedRRset]]
    ) -> None:
        """Take in a unit that was read because of a message: a whole reading that began before is older."""
        self._publication.touch(root)
        self.read(root, marker, names)

    def _replace(self, root: bytes, unit: Held | None, read: ServerState) -> None:
        """Replace what is known of a unit by what was read, together with the names of others."""
        publication = self._publication
        known = publication.state.units.get(root)
        if unit is None and known is not None and known.found.owner == publication.identity:
            unit = self._without_marker(root, known, read)
        if unit is None:
            publication.state.units.pop(root, None)
            return
        publication.state.units[root] = unit
        if publication.learned and unit.expected:
            if known is None or data_of(known.marker) != data_of(unit.marker):
                publication.unsure.add(root)
            elif root not in publication.unsure:
                self._leave_to_others(known, unit, read)
        wanted = publication.published.rrsets
        unit.rrsets = {
            key: wanted[key] if wanted.get(key) == rrset else rrset for key, rrset in unit.rrsets.items()
        }
        if not publication.planner.is_ours(unit):
            return
        publication.see(unit)
        before = data_of(known.marker if known else None)
        if publication.learned and unit.expected and data_of(unit.marker) != before:
            is_newer = known is None or unit.found.generation > known.found.generation
            tried = publication.attempts.get(root, {})
            if is_newer and not any(data in tried for data in unit.marker.records):
                publication.is_challenged = True

    @staticmethod
    def _leave_to_others(known: Held, unit: Held, read: ServerState) -> None:
        """Leave names alone that have come to a unit without a write of Rollcall's: they are not ours."""
        for owner in unit.owners() - known.owners():
            mine = dict(unit.at(owner))
            read.set_foreign(owner, {**read.foreign.get(owner, {}), **mine})
            for rdtype in mine:
                del unit.rrsets[owner, rdtype]

    def _without_marker(self, root: bytes, known: Held, read: ServerState) -> Held | None:
        """Return what is still ours of a unit whose marker somebody has deleted."""
        unit = Held(NO_MARKER, known.found)
        for owner in list(read.foreign_below(root)):
            rrsets = read.foreign[owner]
            keys = {(owner, rdtype): rrset for rdtype, rrset in rrsets.items()}
            if all(
                rrset in (known.rrsets.get(key), self._publication.published.rrsets.get(key))
                for key, rrset in keys.items()
            ):
                unit.rrsets.update(keys)
                read.set_foreign(owner, {})
        return unit if unit.rrsets else None
