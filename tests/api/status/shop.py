"""A shop in a cluster that collects garbage: a Service, its pods, and its ServiceInstance."""

from typing import Any

import yaml

from controlplane import ApiError, ControlPlane, path
from waiting import eventually

Json = dict[str, Any]

DOMAIN = "owned.example"


class Shop:
    """A Service `web` in a namespace, with pods of two versions, and its ServiceInstance."""

    def __init__(self, cluster: ControlPlane, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.name = f"web.{namespace}.{DOMAIN}"
        self._services = path("v1", "services", namespace)
        self._instances = path("rollcall.dev/v1alpha1", "serviceinstances", namespace)

    def kubectl(self, *arguments: str, given: object = None) -> str:
        text = None if given is None else yaml.safe_dump(given)
        return self.cluster.kubectl("--namespace", self.namespace, *arguments, input=text)

    def make_service(self, name: str = "web") -> Json:
        return self.cluster.workloads.make_service(self.namespace, name, selector={"app": "web"})

    def make_pods(self) -> None:
        for number, version in enumerate(("blue", "blue", "green", "green"), 1):
            self.cluster.workloads.make_pod(
                self.namespace,
                f"{version}-{number}",
                ip=f"10.30.0.{number}",
                labels={"app": "web", "version": version},
            )

    def service(self, name: str = "web") -> Json:
        return self.cluster.client.get(f"{self._services}/{name}")

    def delete_service(self, name: str = "web") -> None:
        self.cluster.client.delete(f"{self._services}/{name}")

    def instance(self, name: str = "web") -> Json | None:
        try:
            return self.cluster.client.get(f"{self._instances}/{name}")
        except ApiError as error:
            if error.status != 404:
                raise
            return None

    def wait_generated(self, name: str = "web") -> Json:
        eventually(lambda: self.instance(name) is not None, f"the ServiceInstance {name}")
        found = self.instance(name)
        assert found is not None
        return found

    def owners(self) -> list[Json]:
        found = self.instance()
        return list(found["metadata"].get("ownerReferences", ())) if found else []

    def let_collect(self) -> None:
        """Wait until the garbage collector has taken along what belongs to a Service that goes now."""
        uid = self.make_service("owner")["metadata"]["uid"]
        owned = resource(self)
        owner = {"apiVersion": "v1", "kind": "Service", "name": "owner", "uid": uid}
        owned["metadata"] = {"name": "owned", "ownerReferences": [owner]}
        self.cluster.client.create(self._instances, owned)
        self.delete_service("owner")
        eventually(lambda: self.instance("owned") is None, "the garbage collector")

    def let_tidy(self) -> None:
        """Wait until Rollcall has made a ServiceInstance, and deleted it when its Service went."""
        self.make_service("witness")
        self.wait_generated("witness")
        self.delete_service("witness")
        eventually(lambda: self.instance("witness") is None, "Rollcall")

    def patch_instance(self, patch: Json, name: str = "web", **query: str) -> None:
        self.cluster.client.patch(f"{self._instances}/{name}", patch, **query)


def resource(shop: Shop, **spec: Any) -> Json:
    kind = {"apiVersion": "rollcall.dev/v1alpha1", "kind": "ServiceInstance"}
    return {**kind, "metadata": {"name": "web", "labels": {"team": "shop"}}, "spec": spec}


SPEC: Json = {"ttlSeconds": 30, "release": {"blueGreen": {"active": "blue", "minReady": 1}}}
