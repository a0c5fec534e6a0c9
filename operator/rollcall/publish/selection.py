"""Which services each DiscoveryFile holds, and which files a change of services concerns."""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterator, Mapping

from rollcall.directory import Directory, Entry, ServiceChange
from rollcall.model import DiscoveryFile, Key, Members, Problem
from rollcall.model.quotas import FILES_PER_NAMESPACE


class FileSelection:
    """The DiscoveryFiles, and what they select in the directory.

    `cross_namespace` is the operator's leave for files to select services of other namespaces; without it
    `services.namespaces` beyond the file's own select nothing. Of a namespace the oldest files count, as many
    as `per_namespace` says: the others select nothing, and `problem` says so.
    """

    def __init__(
        self, directory: Directory, *, cross_namespace: bool, per_namespace: int = FILES_PER_NAMESPACE
    ) -> None:
        self._directory = directory
        self._cross_namespace = cross_namespace
        self._per_namespace = per_namespace
        self._by_age: defaultdict[str, list[tuple[str, Key]]] = defaultdict(list)
        self._files: dict[Key, DiscoveryFile] = {}
        self._files_of: defaultdict[str, dict[Key, DiscoveryFile]] = defaultdict(dict)
        self._selected: dict[Key, set[Key]] = {}
        self._selecting: dict[Key, set[Key]] = {}
        self._members: dict[Key, Members] = {}

    def apply_file(self, file: DiscoveryFile) -> set[Key]:
        """Add a file, or select anew by its new spec; return it, and those that count now or no longer."""
        return self._replace(file.key, file)

    def remove_file(self, key: Key) -> set[Key]:
        """Forget a file; return those that count now."""
        return self._replace(key, None) - {key}

    def update_services(self, changes: Mapping[Key, ServiceChange]) -> set[Key]:
        """Follow changes in the directory; return the files whose content may have changed."""
        touched: set[Key] = set()
        for service, change in changes.items():
            if change.whole:
                touched |= self._reselect(service)
            elif not change.members:
                continue
            self._members.pop(service, None)
            touched |= self._selecting.get(service, set())
        return touched

    def get(self, key: Key) -> DiscoveryFile | None:
        """Return a file, or None."""
        return self._files.get(key)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._files)

    def selects(self, service: Key) -> bool:
        """Whether any file holds a service."""
        return bool(self._selecting.get(service))

    def asks_for(self, entry: Entry) -> bool:
        """Whether any file asks for a service, whether or not it can hold it."""
        return any(self._asks(file, entry) for file in self._files_of.get(entry.key.namespace, {}).values())

    def services(self, key: Key) -> set[Key]:
        """Return the services that a file holds."""
        return self._selected.get(key, set())

    def members(self, key: Key) -> tuple[Members, ...]:
        """Return what a file holds now, by service; each service is collected once a change of it."""
        return tuple(self._members_of(service) for service in sorted(self.services(key)))

    def problem(self, key: Key) -> Problem | None:
        """Return why a file doesn't count, None where it does."""
        file = self._files.get(key)
        if file is None:
            return None
        if bisect_left(self._by_age[key.namespace], (file.created, key)) < self._per_namespace:
            return None
        return Problem(
            "QuotaExceeded",
            f"The namespace {key.namespace} has {self._per_namespace} older DiscoveryFiles, which is as many"
            " as count (the quota filesPerNamespace): what its ConfigMap holds stays as it is. Delete files"
            " that nobody needs, or have the quota raised (rollcall run --files-per-namespace,"
            " filesPerNamespace in the chart).",
        )

    def denied_namespaces(self, file: DiscoveryFile) -> list[str]:
        """Return the namespaces that a file asks for without leave."""
        if self._cross_namespace:
            return []
        return sorted(set(file.spec.services.namespaces) - {file.key.namespace})

    def _members_of(self, service: Key) -> Members:
        members = self._members.get(service)
        if members is None:
            entry = self._directory.get(service)
            assert entry is not None, "a selected service is in the directory"
            members = self._members[service] = entry.members()
        return members

    def _reselect(self, service: Key) -> set[Key]:
        """Look at a service anew; return the files that hold it now or did until now."""
        before = self._selecting.pop(service, set())
        entry = self._directory.get(service)
        files = self._files_of.get(service.namespace, {}).items()
        now = {key for key, file in files if entry and self._selects(file, entry)}
        for key in before - now:
            self._selected[key].discard(service)
        for key in now - before:
            self._selected[key].add(service)
        if now:
            self._selecting[service] = now
        return before | now

    def _selects(self, file: DiscoveryFile, entry: Entry) -> bool:
        return entry.problem is None and self._asks(file, entry)

    def _asks(self, file: DiscoveryFile, entry: Entry) -> bool:
        wanted = file.spec.services
        return (
            entry.key.namespace in self._namespaces(file)
            and (not wanted.names or entry.key.name in wanted.names)
            and wanted.selector.matches(entry.labels)
        )

    def _namespaces(self, file: DiscoveryFile) -> frozenset[str]:
        """Return the namespaces that a file may select services in."""
        asked = frozenset(file.spec.services.namespaces or (file.key.namespace,))
        return asked if self._cross_namespace else asked & {file.key.namespace}

    def _replace(self, key: Key, file: DiscoveryFile | None) -> set[Key]:
        counted = self._counted(key.namespace)
        self._unselect(key)
        by_age = self._by_age[key.namespace]
        if (before := self._files.pop(key, None)) is not None:
            del by_age[bisect_left(by_age, (before.created, key))]
        if file is not None:
            self._files[key] = file
            insort(by_age, (file.created, key))
        if not by_age:
            del self._by_age[key.namespace]
        count = self._counted(key.namespace)
        for each in counted - count:
            self._unselect(each)
        for each in count - counted | count & {key}:
            self._select(self._files[each])
        return counted ^ count | {key}

    def _counted(self, namespace: str) -> set[Key]:
        """Return the files of a namespace that are within the quota."""
        return {key for _, key in self._by_age.get(namespace, ())[: self._per_namespace]}

    def _select(self, file: DiscoveryFile) -> None:
        namespaces = self._namespaces(file)
        for namespace in namespaces:
            self._files_of[namespace][file.key] = file
        entries = self._directory.in_namespaces(namespaces)
        selected = {entry.key for entry in entries if self._selects(file, entry)}
        self._selected[file.key] = selected
        for service in selected:
            self._selecting.setdefault(service, set()).add(file.key)

    def _unselect(self, key: Key) -> None:
        file = self._files.get(key)
        for namespace in self._namespaces(file) if file else ():
            self._files_of[namespace].pop(key, None)
            if not self._files_of[namespace]:
                del self._files_of[namespace]
        for service in self._selected.pop(key, set()):
            files = self._selecting[service]
            files.discard(key)
            if not files:
                del self._selecting[service]
