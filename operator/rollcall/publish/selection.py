"""Which services each DiscoveryFile holds, and which files a change of services concerns."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from rollcall.directory import Directory, Entry, ServiceChange
from rollcall.model import DiscoveryFile, Key, Members


class FileSelection:
    """The DiscoveryFiles, and what they select in the directory.

    `cross_namespace` is the operator's leave for files to select services of other namespaces; without it
    `services.namespaces` beyond the file's own select nothing.
    """

    def __init__(self, directory: Directory, *, cross_namespace: bool) -> None:
        self._directory = directory
        self._cross_namespace = cross_namespace
        self._files: dict[Key, DiscoveryFile] = {}
        self._files_of: defaultdict[str, dict[Key, DiscoveryFile]] = defaultdict(dict)
        self._selected: dict[Key, set[Key]] = {}
        self._selecting: dict[Key, set[Key]] = {}
        self._members: dict[Key, Members] = {}

    def apply_file(self, file: DiscoveryFile) -> None:
        """Add a file, or select anew by its new spec."""
        self._drop(file.key)
        self._files[file.key] = file
        namespaces = self._namespaces(file)
        for namespace in namespaces:
            self._files_of[namespace][file.key] = file
        entries = self._directory.in_namespaces(namespaces)
        selected = {entry.key for entry in entries if self._selects(file, entry)}
        self._selected[file.key] = selected
        for service in selected:
            self._selecting.setdefault(service, set()).add(file.key)

    def remove_file(self, key: Key) -> None:
        """Forget a file."""
        self._drop(key)

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

    def _drop(self, key: Key) -> None:
        if (file := self._files.pop(key, None)) is not None:
            for namespace in self._namespaces(file):
                del self._files_of[namespace][key]
                if not self._files_of[namespace]:
                    del self._files_of[namespace]
        for service in self._selected.pop(key, set()):
            files = self._selecting[service]
            files.discard(key)
            if not files:
                del self._selecting[service]
