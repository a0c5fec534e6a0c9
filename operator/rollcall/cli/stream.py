"""ServiceInstances as they change, through the reflector that the operator uses too."""

import asyncio
from collections.abc import Collection

from rollcall.model import API_VERSION, InstanceSpec, InstanceStatus, Key
from rollcall.watch import Batch, Reflector, Resource, Transport
from rollcall.watch.wire import ObjectMeta, WireKind

from .objects import Metadata, ServiceObject

ADDED, MODIFIED, DELETED = "ADDED", "MODIFIED", "DELETED"
"""What happened to a service, in the words of the Kubernetes API; those that are there already are ADDED."""


class _Wire(WireKind, frozen=True, gc=False):
    metadata: ObjectMeta
    spec: InstanceSpec = InstanceSpec()
    status: InstanceStatus = InstanceStatus()


def _read(wire: _Wire, key: Key) -> ServiceObject:
    metadata = Metadata(key.name, key.namespace, wire.metadata.uid, wire.metadata.generation)
    return ServiceObject(metadata, wire.spec, wire.status)


_SERVICES = Resource(API_VERSION, "serviceinstances", "ServiceInstance", _Wire, _read)


class ServiceStream:
    """The services of a namespace (None: of all), all of them or those that are wanted."""

    def __init__(self, client: Transport, namespace: str | None, wanted: Collection[Key] = ()) -> None:
        self.wanted = frozenset(wanted)
        self._changes: asyncio.Queue[tuple[str, ServiceObject]] = asyncio.Queue()
        self._reflector = Reflector(client, _SERVICES, self._on_batch, namespace=namespace)

    async def run(self) -> None:
        """Follow the API server until cancelled."""
        await self._reflector.run()

    @property
    def trouble(self) -> str:
        """Why the API server can't be followed right now, "" where it can."""
        return str(self._reflector.trouble or "")

    def services(self) -> list[ServiceObject]:
        """Return the services as they are, by namespace and name."""
        found = self._reflector.view.objects
        return [found[key] for key in sorted(found) if self._wants(key)]

    def missing(self) -> list[Key]:
        """Return the wanted services that are not there."""
        return sorted(self.wanted - self._reflector.view.objects.keys())

    async def changes_within(self, seconds: float) -> list[tuple[str, ServiceObject]]:
        """Wait for changes, or for so long; return each with the service as it is now (was, if DELETED)."""
        changes = []
        try:
            async with asyncio.timeout(seconds):
                changes.append(await self._changes.get())
        except TimeoutError:
            return []
        while not self._changes.empty():
            changes.append(self._changes.get_nowait())
        return changes

    def _wants(self, key: Key) -> bool:
        return not self.wanted or key in self.wanted

    def _on_batch(self, batch: Batch[ServiceObject]) -> None:
        for change in batch.changes:
            if not self._wants(change.key):
                continue
            if change.new is None:
                assert change.old is not None, "a change has a state before it or after it"
                self._changes.put_nowait((DELETED, change.old))
            else:
                self._changes.put_nowait((MODIFIED if change.old else ADDED, change.new))
