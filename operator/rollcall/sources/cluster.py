"""From the reflectors into the directory: pods, Services and ServiceInstances. The first step of the flow."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from rollcall.directory import Directory
from rollcall.kube.client import KubeClient
from rollcall.kube.errors import KubeError
from rollcall.model import Key, Pod
from rollcall.watch.reflector import Batch, Reflector
from rollcall.watch.resource import PODS, SERVICE_INSTANCES, SERVICES

log = logging.getLogger(__name__)


def apply_batch(batch: Batch[Any], apply: Callable[[Any], None], remove: Callable[[Key], None]) -> None:
    """Apply a batch of changes; an object that breaks the directory is named, and nothing else suffers."""
    for change in batch.changes:
        try:
            if change.new is None:
                remove(change.key)
            else:
                apply(change.new)
        except Exception:
            log.exception("%s can't be taken in, its last state stays: %r", change.key, change.new)


class ClusterSource:
    """Fills the directory from the reflectors of pods, Services and ServiceInstances.

    `on_pod` and `on_pod_removed` are told of each pod before the directory is, `on_change` after each batch,
    with the time of its receipt (time.monotonic_ns). An empty `namespace` stands for all of them.
    """

    def __init__(
        self,
        client: KubeClient,
        namespace: str,
        directory: Directory,
        *,
        on_pod: Callable[[Pod], None],
        on_pod_removed: Callable[[Key], None],
        on_change: Callable[[int], None],
    ) -> None:
        self._directory = directory
        self._on_pod = on_pod
        self._on_pod_removed = on_pod_removed
        self._on_change = on_change
        on_pods = partial(self._on_batch, self._apply_pod, self._remove_pod)
        on_services = partial(self._on_batch, directory.apply_service, directory.remove_service)
        on_resources = partial(self._on_batch, directory.apply_resource, directory.remove_resource)
        self.reflectors: tuple[Reflector[Any], ...] = (
            Reflector(client, PODS, on_pods, namespace=namespace or None),
            Reflector(client, SERVICES, on_services, namespace=namespace or None),
            Reflector(client, SERVICE_INSTANCES, on_resources, namespace=namespace or None),
        )

    async def synced(self) -> None:
        """Wait for the first whole list of each resource."""
        for reflector in self.reflectors:
            await reflector.synced.wait()

    def waiting(self) -> dict[str, KubeError | None]:
        """Return the resources of which there is no whole list yet, each with what is wrong."""
        return {str(each.resource): each.trouble for each in self.reflectors if not each.synced.is_set()}

    def _on_batch(
        self, apply: Callable[[Any], None], remove: Callable[[Key], None], batch: Batch[Any]
    ) -> None:
        apply_batch(batch, apply, remove)
        self._on_change(batch.received_ns)

    def _apply_pod(self, pod: Pod) -> None:
        self._on_pod(pod)
        self._directory.apply_pod(pod)

    def _remove_pod(self, key: Key) -> None:
        self._on_pod_removed(key)
        self._directory.remove_pod(key)
