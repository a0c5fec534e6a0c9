"""Random worlds: Services, pods and EndpointSlices of a namespace, and what happens to them, from a seed.

A world is a list of steps, each a write that the API server takes and a cluster could see. The kubelet's part
is written as status, as in `controlplane.pods`. `Feature`s can be left out of all worlds.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from controlplane import ApiError, ControlPlane, manifests, path

Json = dict[str, Any]
Family = tuple[str, ...]

SLICES = "discovery.k8s.io/v1"
HOSTNAMES = ("one", "two", "10-1-0-1")
LABELS: tuple[dict[str, str], ...] = (
    {"app": "web"},
    {"app": "web", "tier": "front"},
    {"app": "web", "tier": "front"},
    {"app": "api", "tier": "front"},
    {"app": "api"},
    {},
)
MAX_PODS = 8
"""As many as one answer holds at most."""
SELECTORS = ({"app": "web"}, {"app": "api"}, {"tier": "front"}, {"app": "web", "tier": "front"})
PORTS = (
    [{"name": "http", "port": 80, "targetPort": "http"}],
    [{"name": "http", "port": 80}, {"name": "metrics", "port": 9090, "targetPort": 9091}],
    [{"name": "http", "port": 80, "targetPort": "http"}, {"name": "dns", "port": 53, "protocol": "UDP"}],
    [{"name": "dns", "port": 53, "protocol": "UDP", "targetPort": "dns"}, {"name": "dns-tcp", "port": 53}],
    [{"port": 8080}],
    [{"name": "side", "port": 15, "targetPort": "side"}],
)
FAMILIES: tuple[tuple[Family, str], ...] = (
    (("IPv4",), "SingleStack"),
    (("IPv6",), "SingleStack"),
    (("IPv4", "IPv6"), "RequireDualStack"),
    (("IPv6", "IPv4"), "PreferDualStack"),
)


class Feature(StrEnum):
    """What a world may have in it besides Services, pods and their readiness."""

    FAMILIES = "families"
    NOT_READY = "publishNotReadyAddresses"
    HOSTNAMES = "hostnames"
    SLICES = "slices"
    ENDPOINTS = "endpoints"


class Step(NamedTuple):
    """One thing that happens: a method of `Player` and its arguments, which say all of it in a message."""

    verb: str
    name: str
    body: Json | None = None

    def __str__(self) -> str:
        return f"{self.verb} {self.name} {self.body or ''}".rstrip()


class World(NamedTuple):
    """The steps in one namespace."""

    seed: int
    namespace: str
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return "\n".join((f"world {self.seed}:", *(f"  {step}" for step in self.steps)))


class Maker:
    """Makes the steps of one world; knows what there is at each of them."""

    def __init__(self, seed: int, features: frozenset[Feature]) -> None:
        self._random = random.Random(seed)
        self._features = features
        self._seed = seed
        self._pods: dict[str, str] = {}
        self._services: dict[str, bool] = {}
        self._slices: dict[str, str] = {}
        self._addressed: set[str] = set()
        self._made = 0

    def world(self) -> World:
        draw = self._random
        steps = [self._service(name) for name in draw.sample(("web", "api", "db"), draw.randint(1, 3))]
        steps += [self._pod() for _ in range(draw.randint(2, 6))]
        verbs: list[tuple[int, Callable[[], Step | None]]] = [
            (6, self._readiness),
            (2, self._labels),
            (3, self._another_pod),
            (1, self._terminate),
            (1, self._delete_pod),
            (1, self._phase),
            (2, self._change_service),
            (1, self._delete_service),
            (3, self._address),
            (4, self._slice),
            (1, self._delete_slice),
            (1, self._legacy),
        ]
        weights = [weight for weight, _ in verbs]
        for _ in range(draw.randint(3, 14)):
            ((_, verb),) = draw.choices(verbs, weights)
            if (step := verb()) is not None:
                steps.append(step)
        return World(self._seed, f"w-{self._seed}", tuple(steps))

    def _has(self, feature: Feature) -> bool:
        return feature in self._features

    def _one(self, items: Sequence[Any]) -> Any:
        return self._random.choice(items)

    def _chance(self, part: float) -> bool:
        return self._random.random() < part

    # --- Services --------------------------------------------------------------------------------------

    def _service(self, name: str) -> Step:
        selected = not self._has(Feature.SLICES) or self._chance(0.75)
        self._services[name] = selected
        spec: Json = {"ports": self._one(PORTS), "selector": self._one(SELECTORS) if selected else None}
        if self._chance(0.7):
            spec["clusterIP"] = "None"
        spec |= self._families() | self._not_ready()
        return Step("make_service", name, spec)

    def _families(self) -> Json:
        families, policy = self._one(FAMILIES) if self._has(Feature.FAMILIES) else FAMILIES[2]
        return {"ipFamilies": list(families), "ipFamilyPolicy": policy}

    def _not_ready(self) -> Json:
        return {"publishNotReadyAddresses": self._has(Feature.NOT_READY) and self._chance(0.4)}

    def _change_service(self) -> Step | None:
        if not self._services:
            return None
        name = self._one(sorted(self._services))
        changes: list[Json] = [{"ports": self._one(PORTS)}, self._not_ready()]
        if self._services[name]:
            changes.append({"selector": self._one(SELECTORS)})
            if self._has(Feature.SLICES):
                changes.append({"selector": None})
        elif self._chance(0.5):
            changes = [{"selector": self._one(SELECTORS)}]
        change = self._one(changes)
        if "selector" in change:
            self._services[name] = change["selector"] is not None
        return Step("change_service", name, change)

    def _delete_service(self) -> Step | None:
        if len(self._services) < 2:
            return None
        name = self._one(sorted(self._services))
        del self._services[name]
        return Step("delete_service", name)

    # --- pods ------------------------------------------------------------------------------------------

    def _another_pod(self) -> Step | None:
        return self._pod() if len(self._pods) < MAX_PODS else None

    def _pod(self) -> Step:
        name = f"pod-{self._made}"
        if self._chance(0.2) and (
            gone := sorted({f"pod-{n}" for n in range(self._made)} - self._pods.keys())
        ):
            name = self._one(gone)
        self._made += 1
        spec: Json = {"containers": [self._container("app", ("http", "dns", "metrics"))]}
        if self._chance(0.3):
            spec["initContainers"] = [self._container("side", ("side", "http")) | {"restartPolicy": "Always"}]
        elif self._chance(0.2):
            spec["initContainers"] = [self._container("init", ("http",))]
        if self._has(Feature.HOSTNAMES) and self._chance(0.5):
            spec |= {"hostname": self._one(HOSTNAMES), "subdomain": self._one(("web", "web", "api", "other"))}
        status = self._status()
        self._pods[name] = str(status.get("phase", "Pending"))
        (self._addressed.add if status else self._addressed.discard)(name)
        return Step("make_pod", name, {"labels": self._one(LABELS), "spec": spec, "status": status})

    def _container(self, name: str, ports: tuple[str, ...]) -> Json:
        chosen = [port for port in ports if self._chance(0.7)]
        numbers = {port: self._random.randint(1000, 1003) + 10 * n for n, port in enumerate(chosen)}
        return {
            "name": name,
            "image": manifests.IMAGE,
            "ports": [
                {"name": port, "containerPort": number, "protocol": "UDP" if port == "dns" else "TCP"}
                for port, number in numbers.items()
            ],
        }

    def _addresses(self) -> list[str]:
        number = self._random.randint(1, 250)
        host = (self._seed % 200, number) if self._chance(0.9) else (1, 1)  # the host's network: shared
        both = [f"10.1.{host[0]}.{host[1]}", f"fd00::{host[0]:x}:{host[1]:x}"]
        kinds = ([0], [0], [0, 1], [0, 1], [1, 0], [1])
        return [both[kind] for kind in self._one(kinds)]

    def _status(self) -> Json:
        if self._chance(0.1):
            return {}  # nothing has been written yet
        running = manifests.running(self._addresses(), ready=self._chance(0.7))
        if self._chance(0.15):  # init containers run
            return running | {"phase": "Pending"} | manifests.readiness(False)
        return running

    def _readiness(self) -> Step | None:
        pod = self._one_pod("Running")
        if pod is None:
            return None
        status = manifests.readiness(self._chance(0.7))
        if self._chance(0.1):  # its node does not report
            status["conditions"][1]["status"] = "Unknown"
        return Step("set_status", pod, status)

    def _address(self) -> Step | None:
        """Let a pod have its address, and run."""
        pod = self._one_pod("Pending")
        if pod is None:
            return None
        self._pods[pod] = "Running"
        status = manifests.running(self._addresses(), ready=self._chance(0.7))
        if pod in self._addressed:  # it keeps the one that it has
            status = {key: value for key, value in status.items() if not key.startswith("podIP")}
        self._addressed.add(pod)
        return Step("set_status", pod, status)

    def _phase(self) -> Step | None:
        pod = self._one_pod("Running")
        if pod is None:
            return None
        self._pods[pod] = phase = self._one(("Failed", "Succeeded"))
        return Step("set_status", pod, {"phase": phase} | manifests.readiness(False))

    def _labels(self) -> Step | None:
        pod = self._one_pod()
        labels = {"app": None, "tier": None} | self._one(LABELS)
        return Step("label_pod", pod, labels) if pod else None

    def _terminate(self) -> Step | None:
        pod = self._one_pod()
        if pod is not None and self._pods[pod] in ("Failed", "Succeeded"):
            del self._pods[pod]  # the API server waits for no kubelet there
        return Step("terminate", pod) if pod else None

    def _delete_pod(self) -> Step | None:
        pod = self._one_pod()
        if pod is not None:
            del self._pods[pod]
        return Step("delete_pod", pod) if pod else None

    def _one_pod(self, phase: str = "") -> str | None:
        there = sorted(name for name, its in self._pods.items() if not phase or its == phase)
        return self._one(there) if there else None

    # --- what users write in the place of pods ---------------------------------------------------------

    def _slice(self) -> Step | None:
        if not self._has(Feature.SLICES) or not self._services:
            return None
        # Also for Services with a selector, for which nobody reads them but those who read slices.
        name = self._one(("own-a", "own-b", "own-c"))
        unselected = sorted(each for each, selected in self._services.items() if not selected)
        service = self._one(unselected or sorted(self._services))
        kind = self._slices.setdefault(name, self._one(("IPv4", "IPv4", "IPv6", "FQDN")))
        ports = self._one(
            (
                [{"name": "http", "port": 80}],
                [{"name": "http", "port": 8080}, {"name": "dns", "port": 53, "protocol": "UDP"}],
                [{"name": "", "port": 5}],
                [{"name": "all"}],
                [],
            )
        )
        endpoints = [self._endpoint(kind) for _ in range(self._random.randint(0, 3))]
        body = {"service": service, "addressType": kind, "endpoints": endpoints, "ports": ports}
        return Step("put_slice", name, body)

    def _endpoint(self, kind: str) -> Json:
        number = self._random.randint(1, 3)
        addresses = {"IPv4": f"10.9.0.{number}", "IPv6": f"fd09::{number}", "FQDN": f"db{number}.example.org"}
        made: Json = {"addresses": [addresses[kind]]}
        if kind == "IPv4" and self._chance(0.2):
            made["addresses"].append(f"10.9.1.{number}")
        if self._has(Feature.HOSTNAMES):  # one address has one hostname
            made |= {"hostname": f"h{number // 2}"} if number > 1 else {}
        ready = self._one((None, True, True, False))
        terminating = ready is False and self._chance(0.5)
        made["conditions"] = {"ready": ready} | (
            {"serving": True, "terminating": True} if terminating else {}
        )
        return made

    def _delete_slice(self) -> Step | None:
        if not self._slices:
            return None
        name = self._one(sorted(self._slices))
        del self._slices[name]
        return Step("delete_slice", name)

    def _legacy(self) -> Step | None:
        """Write Endpoints, which the mirroring controller makes slices of."""
        unselected = sorted(each for each, selected in self._services.items() if not selected)
        if not self._has(Feature.ENDPOINTS) or not unselected:
            return None
        addresses = [{"ip": f"10.8.0.{n}"} for n in (1, 2)]
        ready = self._random.randint(0, 2)
        parts = {"addresses": addresses[:ready], "notReadyAddresses": addresses[ready:]}
        subset = {name: part for name, part in parts.items() if part} | {
            "ports": [{"name": "http", "port": 81}]
        }
        return Step("put_endpoints", self._one(unselected), {"subsets": [subset]})


def make(seed: int, features: frozenset[Feature]) -> World:
    """Make the world of a seed."""
    return Maker(seed, features).world()


class Player:
    """Lets a world happen on an API server."""

    def __init__(self, plane: ControlPlane, world: World) -> None:
        self._plane = plane
        self._world = world
        self._space = world.namespace

    def play(self) -> None:
        """Take all steps, in order."""
        self._plane.workloads.make_namespace(self._space)
        for step in self._world.steps:
            getattr(self, f"_{step.verb}")(step.name, step.body or {})

    def _make_service(self, name: str, spec: Json) -> None:
        metadata = {"name": name, "namespace": self._space}
        body = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
        self._plane.client.create(path("v1", "services", self._space), body)

    def _change_service(self, name: str, spec: Json) -> None:
        target = path("v1", "services", self._space, name)
        there = self._plane.client.get(target)
        there["spec"] |= spec
        self._plane.client.replace(target, there)

    def _delete_service(self, name: str, _: Json) -> None:
        self._plane.client.delete(path("v1", "services", self._space, name))

    def _make_pod(self, name: str, body: Json) -> None:
        self._plane.workloads.make_pod(
            self._space, name, labels=body["labels"], spec=body["spec"], status=body["status"] or None
        )

    def _set_status(self, name: str, status: Json) -> None:
        self._plane.workloads.set_status(self._space, name, status)

    def _label_pod(self, name: str, labels: Json) -> None:
        self._plane.client.patch(path("v1", "pods", self._space, name), {"metadata": {"labels": labels}})

    def _terminate(self, name: str, _: Json) -> None:
        self._plane.workloads.terminate(self._space, name)

    def _delete_pod(self, name: str, _: Json) -> None:
        self._plane.workloads.delete_pod(self._space, name)

    def _put_slice(self, name: str, body: Json) -> None:
        labels = {"kubernetes.io/service-name": body["service"]}
        made = {
            "apiVersion": SLICES,
            "kind": "EndpointSlice",
            "metadata": {"name": name, "namespace": self._space, "labels": labels},
        } | {field: value for field, value in body.items() if field != "service"}
        self._put(path(SLICES, "endpointslices", self._space), name, made)

    def _delete_slice(self, name: str, _: Json) -> None:
        self._plane.client.delete(path(SLICES, "endpointslices", self._space, name))

    def _put_endpoints(self, name: str, body: Json) -> None:
        metadata = {"name": name, "namespace": self._space}
        made = {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata} | body
        self._put(path("v1", "endpoints", self._space), name, made)

    def _put(self, collection: str, name: str, body: Json) -> None:
        try:
            self._plane.client.create(collection, body)
        except ApiError as error:
            if error.status != 409:
                raise
            self._plane.client.replace(f"{collection}/{name}", body)


def worlds(first: int, count: int, features: frozenset[Feature]) -> Iterator[World]:
    """Yield the worlds of consecutive seeds."""
    return (make(seed, features) for seed in range(first, first + count))
