"""Simulated workloads: pods that no kubelet runs, on a real API.

`Workloads` plays the scheduler and the kubelet. It creates a pod bound to its node, writes the
status that a kubelet would, and flips readiness. Watchers cannot tell the difference.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, Self, TypeVar

from controlplane import manifests
from controlplane.client import STRATEGIC_MERGE, Client, Json, path
from controlplane.errors import ApiError
from controlplane.manifests import NODE, Port

_THREADS = 8
"""The API server uses both cores with this many writers; more only queue."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class Acknowledged(NamedTuple):
    """When a write was acknowledged, by time.monotonic_ns(), and its resourceVersion."""

    monotonic_ns: int
    resource_version: str

    @classmethod
    def now(cls, answer: Json) -> Self:
        """For an answer that has just arrived."""
        return cls(time.monotonic_ns(), str(answer["metadata"]["resourceVersion"]))


class Workloads:
    """Makes and changes namespaces, nodes, services and pods; may be used from many threads."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def make_namespace(self, name: str, labels: Mapping[str, str] | None = None) -> Json:
        """Create a namespace, or return it when it exists."""
        try:
            return self.client.create(path("v1", "namespaces"), manifests.namespace(name, labels))
        except ApiError as error:
            if error.status != 409:
                raise
            return self.client.get(path("v1", "namespaces", name=name))

    def remove_namespace(self, name: str) -> None:
        """Delete a namespace with its pods, services and ConfigMaps.

        The namespace controller would do it; without that it would stay Terminating.
        """
        target = path("v1", "namespaces", name=name)
        self.client.delete(target)
        for plural in ("pods", "configmaps"):
            self.client.delete(path("v1", plural, name), grace_seconds=0)
        for service in self.client.list(path("v1", "services", name))["items"]:
            self.client.delete(path("v1", "services", name, service["metadata"]["name"]))
        body = self.client.get(target)
        body["spec"]["finalizers"] = []
        self.client.replace(f"{target}/finalize", body)

    def make_node(self, name: str = NODE, labels: Mapping[str, str] | None = None) -> Json:
        """Create a ready node."""
        self.client.create(path("v1", "nodes"), manifests.node(name, labels))
        return self._status(path("v1", "nodes", name=name), manifests.node_status())

    def make_service(self, namespace: str, name: str, **options: Any) -> Json:
        """Create a service; for the options see `manifests.service`."""
        body = manifests.service(namespace, name, **options)
        return self.client.create(path("v1", "services", namespace), body)

    def make_pod(
        self,
        namespace: str,
        name: str,
        *,
        ip: str | Sequence[str] = (),
        ready: bool = True,
        labels: Mapping[str, str] | None = None,
        ports: Sequence[Port] = (),
        node: str = NODE,
        hostname: str | None = None,
        subdomain: str | None = None,
        status: Json | None = None,
        **options: Any,
    ) -> Json:
        """Create a pod, and let it run when it has an address (two for dual stack).

        Without an address it stays Pending. More options are those of `manifests.pod`; `status`
        is merged over the kubelet's.
        """
        body = manifests.pod(
            namespace,
            name,
            labels=labels,
            ports=ports,
            node=node,
            hostname=hostname,
            subdomain=subdomain,
            **options,
        )
        made = self.client.create(path("v1", "pods", namespace), body)
        addresses = [ip] if isinstance(ip, str) else list(ip)
        if not addresses and status is None:
            return made
        running = manifests.running(addresses, ready=ready) if addresses else {}
        return self._status(path("v1", "pods", namespace, name), running | (status or {}))

    def set_ready(self, namespace: str, name: str, ready: bool) -> Acknowledged:
        """Flip a pod's readiness, as its probe would."""
        return self.set_status(namespace, name, manifests.readiness(ready))

    def set_condition(self, namespace: str, name: str, kind: str, value: bool) -> Acknowledged:
        """Set one condition of a pod, such as that of a readiness gate."""
        condition = {"type": kind, "status": str(value), "lastTransitionTime": manifests.now()}
        return self.set_status(namespace, name, {"conditions": [condition]})

    def set_status(self, namespace: str, name: str, status: Json) -> Acknowledged:
        """Merge something into a pod's status, such as {"phase": "Failed"}."""
        return Acknowledged.now(self._status(path("v1", "pods", namespace, name), status))

    def terminate(self, namespace: str, name: str, grace_seconds: int = 30) -> Acknowledged:
        """Ask for a pod's end: it has a deletionTimestamp, and stays until `delete_pod`."""
        target = path("v1", "pods", namespace, name)
        return Acknowledged.now(self.client.delete(target, grace_seconds))

    def delete_pod(self, namespace: str, name: str) -> Acknowledged:
        """Remove a pod at once, as the kubelet does when the containers are gone."""
        target = path("v1", "pods", namespace, name)
        return Acknowledged.now(self.client.delete(target, grace_seconds=0))

    def many(
        self, work: Callable[[Item], Result], items: Iterable[Item], threads: int = _THREADS
    ) -> list[Result]:
        """Do something for each item on several threads, and return the results in order.

        As in `many(lambda i: make_pod("shop", f"web-{i}", ip=f"10.1.0.{i}"), range(100))`. The
        first error is raised, after the writes that are under way.
        """
        with ThreadPoolExecutor(threads, thread_name_prefix="workloads") as pool:
            futures = [pool.submit(work, item) for item in items]
            try:
                return [future.result() for future in futures]
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _status(self, target: str, status: Json) -> Json:
        return self.client.patch(f"{target}/status", {"status": status}, STRATEGIC_MERGE)
