"""What became of messages: applied, refuted, refused, or unknown. No I/O."""

from collections.abc import Mapping

from rollcall.dnswire.types import MANAGED_TYPES
from rollcall.zone.exported import ExportedRRset
from rollcall.zone.marker import parse

from .drafts import Draft
from .message import Part
from .publication import Publication, data_of
from .rejections import items_of
from .server_state import held


class Outcomes:
    """Takes in what became of drafts. It holds nothing of its own."""

    def __init__(self, publication: Publication) -> None:
        self._publication = publication

    def applied(self, draft: Draft) -> None:
        """Take in that a message had effect."""
        publication = self._publication
        if publication.steps is not None:
            publication.steps += 1
        for part in draft.parts:
            self._apply(part)

    def has_effect(self, draft: Draft) -> bool:
        """Whether the server has what a message wrote, as far as we know."""
        return not any(self._publication.differs(part.root, part.after) for part in draft.parts)

    def explain(
        self,
        draft: Draft,
        markers: Mapping[bytes, ExportedRRset | None],
        names: Mapping[bytes, Mapping[int, ExportedRRset]],
    ) -> list[bytes]:
        """Take in what was read after a prerequisite failed; return the units that are not as we thought."""
        publication = self._publication
        publication.steps = None
        found = []
        for part in draft.parts:
            marker = markers[part.root]
            if data_of(marker) == data_of(part.after):
                self._apply(part)  # it was doubled on its way, and the first one has done it
                publication.doubt(part)
                found.append(part.root)
                continue
            is_other = data_of(marker) != data_of(part.before)
            for owner, rrsets in part.guards:
                expected = {rdtype: rrset.records for rdtype, rrset in rrsets}
                if {rdtype: rrset.records for rdtype, rrset in names[owner].items()} != expected:
                    publication.state.set_foreign(owner, names[owner])
                    is_other = True
            if is_other:
                found.append(part.root)
        return found

    def returned(self, draft: Draft) -> None:
        """Take in that a message had no effect, for reasons that are dealt with."""
        publication = self._publication
        for root, keys in draft.work.items():
            publication.backlog.add(root, keys, publication.backlog.live)

    def unknown(self, draft: Draft) -> None:
        """Take in that nobody knows whether a message had effect."""
        publication = self._publication
        publication.steps = None
        for part in draft.parts:
            publication.touch(part.root)
            publication.unresolved[part.root] = part
            if part.after is not None:
                marker = parse(part.after.records[0])
                version = marker.generation.version if marker else 0
                publication.attempts.setdefault(part.root, {})[part.after.records[0]] = version
        self.returned(draft)

    def resolved(self, root: bytes, marker: ExportedRRset | None, *, is_acknowledged: bool = False) -> bool:
        """Take in which marker a unit has after a message of unknown outcome; False: it has to be read."""
        publication = self._publication
        part = publication.unresolved.pop(root)
        if data_of(marker) == data_of(part.after):
            self._apply(part)
            if not is_acknowledged:
                publication.doubt(part)
            return True
        return data_of(marker) == data_of(part.before)

    def reject(self, draft: Draft, rcode: int) -> None:
        """Take in that the server doesn't take the only name of a message."""
        [item] = items_of(draft.parts)
        self._publication.rejections.add(item, rcode)

    def _apply(self, part: Part) -> None:
        publication = self._publication
        publication.touch(part.root)
        publication.attempts.pop(part.root, None)
        unit = publication.state.units.get(part.root)
        if part.after is None:
            publication.state.units.pop(part.root, None)
            publication.withdrawn.discard(part.root)
            publication.orphans.discard(part.root)
            return
        fresh = held(part.after)
        assert fresh is not None, "what we write is a marker"
        if unit is None:
            unit = publication.state.units[part.root] = fresh
        else:
            unit.marker, unit.found = fresh.marker, fresh.found
        publication.see(fresh)
        for key, after in part.changes:
            if key[0] in publication.state.foreign:
                publication.state.set_foreign(key[0], {})
            if key[1] not in MANAGED_TYPES:
                continue
            if after is None:
                unit.rrsets.pop(key, None)
            else:
                unit.rrsets[key] = after
            publication.obstacles.pop(key[0], None)
        if publication.rejections.owners(part.root):
            publication.rejections.accepted(items_of((part,)))
            publication.compare(part.root)
