"""The EndpointSlices that are known, by the Service that they name."""

from collections import defaultdict

from rollcall.model import EndpointSlice, Key


class Slices:
    """EndpointSlices of all services; a change costs what it touches."""

    def __init__(self) -> None:
        self._known: dict[Key, EndpointSlice] = {}
        self._of: defaultdict[Key, dict[str, EndpointSlice]] = defaultdict(dict)

    def put(self, new: EndpointSlice) -> set[Key]:
        """Add or replace a slice; return the services that it was or is of."""
        touched = self.discard(new.key)
        if new.service:
            self._known[new.key] = new
            service = Key(new.key.namespace, new.service)
            self._of[service][new.key.name] = new
            touched.add(service)
        return touched

    def discard(self, key: Key) -> set[Key]:
        """Remove a slice, if it is there; return the service that it was of."""
        old = self._known.pop(key, None)
        if old is None:
            return set()
        service = Key(key.namespace, old.service)
        of_service = self._of[service]
        del of_service[key.name]
        if not of_service:
            del self._of[service]
        return {service}

    def of(self, service: Key) -> list[EndpointSlice]:
        """Return the slices of a service, by name."""
        found = self._of.get(service)
        return [found[name] for name in sorted(found)] if found else []
