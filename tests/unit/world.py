"""The pure core as the app drives it, and pods, services and zones for it that a cluster could hold."""

from collections.abc import Mapping
from typing import Any

from rollcall.directory import Directory, ServiceChange
from rollcall.model import (
    Answer,
    ContainerPort,
    DiscoveryZone,
    Eligibility,
    Endpoint,
    EndpointSlice,
    InstancePort,
    InstanceSpec,
    Key,
    Pod,
    Service,
    ServiceInstance,
    ServicePort,
    ZoneSpec,
)
from rollcall.zone import Commit, Installation, Past, Zones
from unit.consistency import History, Object, check
from unit.records import Follower

HTTP = ServicePort(80, "http", "TCP", "web")
NAMED = ContainerPort("web", "TCP", 8080)
IDENTITY = "test"


def pod(name: str = "web-0", address: str = "10.0.0.1", *, impossible: bool = False, **fields: Any) -> Pod:
    """Make a pod that runs and is ready, but for what is said otherwise; a hostname is one below `web`.

    An `impossible` one is for tests of a defence: a kubelet with a defect, a status that was written by hand.
    """
    namespace = fields.pop("namespace", "shop")
    usual: dict[str, Any] = {"labels": {"app": "web"}, "phase": "Running", "ready": True, "ports": (NAMED,)}
    fields = usual | fields
    fields.setdefault("subdomain", "web" if fields.get("hostname") else "")
    fields.setdefault("addresses", (address,) if address else ())
    fields.setdefault("node", "node-1" if fields["phase"] == "Running" or fields["addresses"] else "")
    made = Pod(key=Key(namespace, name), uid=fields.pop("uid", _uid(namespace, name)), **fields)
    if not impossible:
        check(made)
    return made


def service(name: str = "web", **fields: Any) -> Service:
    """Make a Service that selects app=web and has one named port."""
    namespace = fields.pop("namespace", "shop")
    fields = {"selector": {"app": "web"}, "ports": (HTTP,), "created": "2026-01-01T00:00:00Z"} | fields
    made = Service(key=Key(namespace, name), uid=fields.pop("uid", _uid(namespace, name)), **fields)
    check(made)
    return made


def resource(
    name: str = "web", *, namespace: str = "shop", generation: int = 1, **spec: Any
) -> ServiceInstance:
    """Make a ServiceInstance with this spec."""
    made = ServiceInstance(
        Key(namespace, name),
        _uid(namespace, f"si-{name}"),
        generation,
        "2026-01-02T00:00:00Z",
        spec=InstanceSpec(**spec),
    )
    check(made)
    return made


def zone(name: str = "main", domain: str = "example.com", **fields: Any) -> DiscoveryZone:
    """Make a DiscoveryZone, which is ours unless `owner` says otherwise."""
    created = fields.pop("created", "2026-01-01T00:00:00Z")
    about = {"labels": fields.pop("labels", {}), "owner": fields.pop("owner", IDENTITY)}
    about["assigned"] = fields.pop("assigned", "")
    generation = fields.pop("generation", 1)
    uid = fields.pop("uid", f"uid-{name}")
    made = DiscoveryZone(name, uid, generation, created, ZoneSpec(domain, **fields), **about)
    check(made)
    return made


def endpoint_slice(
    name: str = "db-1",
    *endpoints: Endpoint | str,
    service: str = "db",
    namespace: str = "shop",
    **fields: Any,
) -> EndpointSlice:
    """Make an EndpointSlice of a Service; an endpoint may be an address alone. It has the port pg, 5432."""
    made = EndpointSlice(
        Key(namespace, name),
        fields.pop("uid", _uid(namespace, f"slice-{name}")),
        service,
        endpoints=tuple(Endpoint((each,)) if isinstance(each, str) else each for each in endpoints),
        **({"ports": (InstancePort("pg", "TCP", 5432),)} | fields),
    )
    check(made)
    return made


def _uid(namespace: str, name: str) -> str:
    return f"uid-{name}" if namespace == "shop" else f"uid-{namespace}-{name}"


class World:
    """A directory with its zones, and one who follows them. Time passes by hand: `now` is in Unix seconds.

    What is put there, and what becomes of it, is held against what can happen in a cluster. `changes` are
    those of the last commit.
    """

    changes: Mapping[Key, ServiceChange]

    def __init__(
        self,
        *objects: Object,
        past: Mapping[bytes, Past] | None = None,
        now: int = 1000,
        installation: Installation | None = None,
        **options: Any,
    ) -> None:
        self.now = now
        self.history = History()
        self.directory = Directory(**options)
        self.directory.set_slices_problem(None)  # all of those that there are have been applied
        self.zones = Zones(self.directory, installation or Installation(IDENTITY), past)
        self.follower = Follower()
        self.put(*objects)

    def put(self, *objects: Object, now: int | None = None) -> Commit:
        """Let objects be made or changed, and publish what follows."""
        self.now = self.now if now is None else now
        self.apply(*objects)
        return self.commit()

    def apply(self, *objects: Object) -> None:
        """Let objects be made or changed, and publish nothing yet."""
        for each in objects:
            self.history.put(each)
            match each:
                case Pod():
                    self.directory.apply_pod(each)
                case Service():
                    self.directory.apply_service(each)
                case ServiceInstance():
                    self.directory.apply_resource(each)
                case DiscoveryZone():
                    self.zones.apply_zone(each)
                case EndpointSlice():
                    self.directory.apply_slice(each)
                case _:
                    self.directory.apply_workload(each)

    def drop(self, kind: type[Object], key: Key) -> None:
        """Let an object be deleted, if there is one; publish nothing yet."""
        self.history.drop(kind, key)
        if kind is Pod:
            self.directory.remove_pod(key)
        elif kind is Service:
            self.directory.remove_service(key)
        elif kind is ServiceInstance:
            self.directory.remove_resource(key)
        elif kind is DiscoveryZone:
            self.zones.remove_zone(key.name)
        elif kind is EndpointSlice:
            self.directory.remove_slice(key)
        else:
            self.directory.remove_workload(kind, key)  # type: ignore[arg-type]  # what is left of the kinds

    def commit(self, backlog: int | None = None) -> Commit:
        """Publish what has changed, and of what waits in the backlog so many services, or all."""
        self.changes = self.directory.take_changes()
        self.zones.place(self.changes)
        if backlog is None:
            while self.zones.place_backlog(1):
                pass
        else:
            self.zones.place_backlog(backlog)
        commit = self.zones.commit(self.now)
        self.follower.apply(commit.deltas)
        return commit

    def lines(self, *types: str, apex: str = "example.com") -> list[str]:
        """Return what a zone holds, as `owner type data`."""
        return self.follower.text(apex, *types)


__all__ = ["Answer", "Eligibility", "World", "pod", "resource", "service", "zone"]
