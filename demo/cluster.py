"""What the demo makes in the cluster, and takes away again where the cluster is not its own."""

import contextlib
import functools
from pathlib import Path
from typing import Any

from controlplane import Acknowledged, ApiError, ControlPlane, path
from demo.errors import ClusterInUse
from demo.scene import API_VERSION, VERSION_LABEL, ZONE, Pod, Scene, Service
from demo.waiting import wait_until

_CRDS = Path(__file__).resolve().parent.parent / "manifests" / "crds"
_FIELD_MANAGER = "--field-manager=rollcall-demo"
_ACCOUNT = "demo"
_WATCH_SECONDS = 10.0
_INITIAL_EVENTS = {
    "sendInitialEvents": "true",
    "resourceVersionMatch": "NotOlderThan",
    "allowWatchBookmarks": "true",
}
"""So that a watch begins with an event at once, a bookmark at least."""

_POD_SPEC: dict[str, Any] = {
    "schedulerName": "rollcall-demo",
    "serviceAccountName": _ACCOUNT,
    "automountServiceAccountToken": False,
}
"""Nobody schedules the pods and so no kubelet takes them, also in a cluster that has kubelets. The account is
made by us: the default one comes a moment after its namespace, and only where a controller makes it."""


class Cluster:
    """The demo's objects in a control plane."""

    def __init__(self, plane: ControlPlane, scene: Scene) -> None:
        self.plane = plane
        self._scene = scene
        self._work = plane.workloads

    def refuse_if_in_use(self) -> None:
        """Look at a cluster that was given, before anything is written.

        Raises:
            ClusterInUse: a namespace of the demo exists, or Rollcall is at work: this demo's Rollcall would
                write the status of its zones and files, too.
        """
        for namespace in self._scene.namespaces:
            if self._get("namespace", namespace):
                raise ClusterInUse(
                    f"the namespace {namespace} exists, another demo runs there or was killed:"
                    f" kubectl delete namespace {namespace}"
                )
        if not self.has_crds():
            return
        for kind in ("discoveryzones", "discoveryfiles"):
            if found := self._get(kind, "--all-namespaces"):
                raise ClusterInUse(
                    f"the cluster has {kind} of its own ({found.split()[0]}), which the demo's Rollcall would"
                    " take over: unset KUBECONFIG_FOR_TESTS, or name another cluster"
                )

    def has_crds(self) -> bool:
        """Whether Rollcall's resources are known to the API server."""
        return bool(self._get("crd", "discoveryzones.rollcall.dev"))

    def apply_crds(self) -> str:
        """Apply the CRDs and wait until the new resources can be watched; return what kubectl said."""
        said = self.plane.kubectl("apply", "--server-side", _FIELD_MANAGER, "-f", str(_CRDS))
        self.plane.kubectl("wait", "--for=condition=Established", "-f", str(_CRDS), "--timeout=30s")
        for plural in ("serviceinstances", "discoveryzones", "discoveryfiles"):
            wait_until(functools.partial(self._watchable, plural), f"the API for {plural}")
        return said

    def _watchable(self, plural: str) -> bool:
        """Whether a watch is accepted; for a moment after it is established a CRD's is refused with 429."""
        first = self.plane.client.watch(path(API_VERSION, plural), _WATCH_SECONDS, **_INITIAL_EVENTS)
        try:
            with contextlib.closing(first):
                next(first)
        except ApiError as error:
            if error.status not in (404, 429):
                raise
            return False
        return True

    def remove_crds(self) -> None:
        """Delete the CRDs, and with them every object of their kinds."""
        self.plane.kubectl("delete", "--ignore-not-found", "--timeout=60s", "-f", str(_CRDS))

    def apply(self, manifest: str) -> str:
        """Apply a manifest; return what kubectl said."""
        return self.plane.kubectl("apply", "--server-side", _FIELD_MANAGER, "-f", "-", input=manifest)

    def make_namespaces(self) -> None:
        """Make the namespaces, with an account for the pods."""
        for namespace in self._scene.namespaces:
            self._work.make_namespace(namespace)
            self.plane.kubectl("create", "serviceaccount", _ACCOUNT, "-n", namespace)

    def make_services(self) -> Acknowledged:
        """Make the three services with their pods; return the last acknowledgement."""
        for service in self._scene.services:
            self._work.make_service(
                service.namespace,
                service.name,
                selector=_labels(service),
                ports=service.ports,
                spec={"ipFamilyPolicy": "PreferDualStack"},
            )
        return max(self.add_pods(service, service.pods) for service in self._scene.services)

    def add_pods(self, service: Service, pods: tuple[Pod, ...]) -> Acknowledged:
        """Make pods that are ready at once, side by side; return the last acknowledgement."""
        return max(self._work.many(functools.partial(self._make_pod, service), pods))

    def set_ready(self, service: Service, pod: Pod, ready: bool) -> Acknowledged:
        """Flip a pod's readiness."""
        return self._work.set_ready(service.namespace, pod.name, ready)

    def set_active(self, service: Service, version: str) -> Acknowledged:
        """Have one version answered, and no other."""
        target = path(API_VERSION, "serviceinstances", service.namespace, service.name)
        release = {"release": {"blueGreen": {"active": version}}}
        return Acknowledged.now(self.plane.client.patch(target, {"spec": release}))

    def delete_pod(self, service: Service, pod: Pod) -> Acknowledged:
        """Delete a pod, with no time to say goodbye."""
        return self._work.delete_pod(service.namespace, pod.name)

    def await_field(self, kind: str, name: str, field: str, value: str, namespace: str = "") -> None:
        """Wait until a field of an object, as a JSONPath, has a value.

        Raises Missed when it hasn't in time.
        """
        where = ("-n", namespace) if namespace else ()
        words = ("get", kind, name, *where, "--ignore-not-found", f"--output=jsonpath={field}")
        wait_until(lambda: self.plane.kubectl(*words) == value, f"{value} in {field} of {kind} {name}")

    def remove_objects(self) -> None:
        """Delete the zone and the namespaces with all that is in them, while Rollcall is there to let go."""
        self.plane.kubectl("delete", "discoveryzone", ZONE, "--ignore-not-found", "--timeout=30s")
        self.plane.kubectl(
            "delete", "namespace", *self._scene.namespaces, "--ignore-not-found", "--timeout=90s"
        )

    def _make_pod(self, service: Service, pod: Pod) -> Acknowledged:
        made = self._work.make_pod(
            service.namespace,
            pod.name,
            ip=pod.addresses,
            labels={**_labels(service), VERSION_LABEL: pod.version},
            ports=service.ports,
            node="",
            hostname=pod.hostname,
            subdomain=service.name if pod.hostname else None,
            spec=_POD_SPEC,
        )
        return Acknowledged.now(made)

    def _get(self, kind: str, *arguments: str) -> str:
        return self.plane.kubectl("get", kind, *arguments, "--ignore-not-found", "--output=name")


def _labels(service: Service) -> dict[str, str]:
    return {"app": service.name}
