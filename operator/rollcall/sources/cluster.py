"""How what the API server says comes into the directory: the first step of the flow."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from rollcall.directory import Directory
from rollcall.kube.client import KubeClient
from rollcall.model import Key, Pod
from rollcall.propagation.turns import Turns
from rollcall.watch.reflector import Batch, Reflector
from rollcall.watch.resource import PODS, SERVICE_INSTANCES, SERVICES

log = logging.getLogger(__name__)


def take_in(batch: Batch[Any], apply: Callable[[Any], None], remove: Callable[[Key], None]) -> None:
    """Take in a batch of events; an object that breaks the directory is named, and nothing else suffers."""
    for change in batch.changes:
        try:
            if change.new is None:
                remove(change.key)
            else:
                apply(change.new)
        except Exception:
            log.exception("%s can't be taken in, its last state stays: %r", change.key, change.new)


class Intake:
    """Holds the reflectors of pods, Services and ServiceInstances, and takes in what they say.

    `flow` is called after each batch with the time of its receipt (time.monotonic_ns). An empty `namespace`
    stands for all of them.
    """

    def __init__(
        self,
        client: KubeClient,
        namespace: str,
        directory: Directory,
        turns: Turns,
        flow: Callable[[int], None],
    ) -> None:
        self._directory = directory
        self._turns = turns
        self._flow = flow
        take_pods = partial(self._take, self._apply_pod, self._remove_pod)
        take_services = partial(self._take, directory.apply_service, directory.remove_service)
        take_resources = partial(self._take, directory.apply_resource, directory.remove_resource)
        self.reflectors: tuple[Reflector[Any], ...] = (
            Reflector(client, PODS, take_pods, namespace=namespace or None),
            Reflector(client, SERVICES, take_services, namespace=namespace or None),
            Reflector(client, SERVICE_INSTANCES, take_resources, namespace=namespace or None),
        )

    async def synced(self) -> None:
        """Wait for the first whole list of each resource."""
        for reflector in self.reflectors:
            await reflector.synced.wait()

    def waiting(self) -> list[str]:
        """Return the resources of which there is no whole list yet."""
        return [str(each.resource) for each in self.reflectors if not each.synced.is_set()]

    def _take(self, apply: Callable[[Any], None], remove: Callable[[Key], None], batch: Batch[Any]) -> None:
        take_in(batch, apply, remove)
        self._flow(batch.received_ns)

    def _apply_pod(self, pod: Pod) -> None:
        self._turns.apply_pod(pod)
        self._directory.apply_pod(pod)

    def _remove_pod(self, key: Key) -> None:
        self._turns.remove_pod(key)
        self._directory.remove_pod(key)
