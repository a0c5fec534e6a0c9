"""Keeps octoDNS, which owns a whole zone by its nature, to what carries our marker.

octoDNS calls it as a processor of a plan (octodns.processor.base), and the plan that comes out is filtered.
"""

from collections.abc import Collection, Iterable
from typing import Any

from rollcall.zone.marker import LABEL, is_own_string

from .desired import suffixes


class Ownership:
    """Tells what is ours in an existing zone; `roots` are the names of the units that are wanted.

    A wanted unit that has records of others at or below its name, and not our marker, is `taken`: nothing is
    published of it. A record that is as wanted already takes nothing: a run that ended half-way left it.
    """

    def __init__(self, identity: str, roots: Collection[str]) -> None:
        self.taken: set[str] = set()
        self._identity = identity
        self._roots = roots
        self._marked: set[str] = set()

    def owns(self, name: str) -> bool:
        """Whether a name (relative) is ours to change; after the plan is made."""
        return any(
            each in self._marked or (each in self._roots and each not in self.taken)
            for each in suffixes(name)
        )

    def process_target_zone(self, existing: Any, target: Any = None, lenient: bool = False) -> Any:
        """Leave the existing zone as it is: providers that write it as a whole write it all."""
        return existing

    def process_source_and_target_zones(
        self, desired: Any, existing: Any, target: Any, lenient: bool = False
    ) -> tuple[Any, Any]:
        """Remove from the desired zone the units that are taken."""
        self._marked = set(self._own_roots(existing.records))
        wanted = {record: record for record in desired.records}
        for record in existing.records:
            root = self._unmarked_root(record.name)
            if root is None:
                continue
            same = wanted.get(record)
            if same is None or record.changes(same, target) is not None:
                self.taken.add(root)
        if self.taken:
            for record in wanted:
                if not self.owns(record.name):
                    desired.remove_record(record)
        return desired, existing

    def _own_roots(self, records: Iterable[Any]) -> Iterable[str]:
        for record in records:
            label, _, root = record.name.partition(".")
            if label != LABEL or not root or record._type != "TXT":
                continue
            if any(is_own_string(str(value), self._identity) for value in record.values):
                yield root

    def _unmarked_root(self, name: str) -> str | None:
        """Return the wanted unit that a name would be of, None where it is ours already or of none."""
        roots = [each for each in suffixes(name) if each in self._roots]
        if not roots or any(each in self._marked for each in suffixes(name)):
            return None
        return roots[0]
