"""Makes a ServiceInstance for every Service with a selector that a zone or a file selects and that has none.

With an empty spec: that belongs to the user and is never written again. The Service owns it, so that it goes
when the Service goes.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Never

from rollcall.kube.backoff import Uniform, uniform
from rollcall.kube.errors import AlreadyExists
from rollcall.kube.work_queue import WorkQueue
from rollcall.model import API_VERSION, Key, Service
from rollcall.watch.resource import SERVICE_INSTANCES

from .api import CreateApi
from .kinds import Kind

MANAGED_BY = {"app.kubernetes.io/managed-by": "rollcall"}

Wanted = Callable[[Key], Service | None]
"""Gives the Service of a name that needs a ServiceInstance, None where it needs none, or no longer."""


class InstanceCreator:
    """Creates the ServiceInstances that are missing among the names that are marked."""

    def __init__(self, api: CreateApi, wanted: Wanted, *, draw: Uniform = uniform) -> None:
        self._api = api
        self._wanted = wanted
        self._queue = WorkQueue("ServiceInstances", self._create, draw=draw)

    def mark(self, key: Key) -> None:
        """Find out, soon, whether a Service needs a ServiceInstance."""
        self._queue.mark(key)

    async def run(self) -> Never:
        """Create until cancelled. Begin only when everything has synced, and only as the leader."""
        await self._queue.run()

    async def _create(self, key: Key) -> None:
        service = self._wanted(key)
        if service is None:
            return
        with suppress(AlreadyExists):  # made by a user, or by us a moment ago: the watch will tell
            await self._api.create(SERVICE_INSTANCES.path(key.namespace), body(service))


def body(service: Service) -> dict[str, Any]:
    """Return the ServiceInstance of a Service."""
    owner = {"apiVersion": "v1", "kind": "Service", "name": service.key.name, "uid": service.uid}
    return {
        "apiVersion": API_VERSION,
        "kind": Kind.SERVICE_INSTANCE,
        "metadata": {
            "name": service.key.name,
            "namespace": service.key.namespace,
            "labels": MANAGED_BY,
            "ownerReferences": [owner],
        },
        "spec": {},
    }
