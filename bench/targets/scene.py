"""What this part runs: an API server, Rollcall, BIND and Knot as primaries, and three secondaries."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from bench.board import Acknowledgements
from bench.observer import Observer, acknowledgements
from bench.peers import Peer, install_crds
from bench.processes import settle
from bench.progress import say
from bench.stage import Extent
from bench.targets import fleets
from bench.targets.process import RollcallProcess
from bench.targets.zones import (
    BY_TRANSFER,
    BY_UPDATE,
    FLOOR,
    LARGE,
    LOOPBACK,
    DiscoveryZones,
    make_key,
    secondary,
    update_target,
)
from bench.world import Fleet, made
from bench.writer import Writer
from controlplane import ControlPlane
from nameservers import Bind, CoreDNS, Knot, Nameserver, Zone

_WAYS = [("update", name) for name in BY_UPDATE] + [("transfer", name) for name in BY_TRANSFER]
_NETWORKS = {way: number for number, way in enumerate(_WAYS, 1)}
_BURST_NETWORKS = {name: number for number, name in enumerate(BY_UPDATE, 101)}


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that runs. Servers are by name, as in the table."""

    plane: ControlPlane
    process: RollcallProcess
    zones: DiscoveryZones
    writer: Writer
    written: Acknowledgements
    extent: Extent
    primaries: Mapping[str, Nameserver]
    secondaries: Mapping[str, Nameserver]

    @property
    def flips(self) -> int:
        """How many single flips there are for a server."""
        return self.extent.flips * 2 // 3

    @contextmanager
    def observer(self, server: Nameserver, name: str, domain: str) -> Iterator[Observer]:
        """Have a poller of one domain at a server."""
        peer = Peer(name, server.port, lambda: {"server": [server.pid]}, ("server",), domain)
        with Observer(peer, self.written) as observer:
            yield observer

    @contextmanager
    def fleet(self, planned: Fleet, observer: Observer) -> Iterator[Fleet]:
        """Make a fleet, wait until a server answers all of it and all is at rest; remove it after."""
        with made(self.plane.workloads, planned) as fleet:
            observer.wait_ready(fleet.services)
            self.settle()
            yield fleet

    def settle(self) -> None:
        """Wait until what follows from earlier writes is done."""
        servers = [*self.primaries.values(), *self.secondaries.values()]
        pids = [*self.process.pids, *(server.pid for server in servers)]
        if not settle(pids):
            say("not all came to rest in time: the next figures are those of a busy system")

    def messages(self, name: str, domain: str) -> int:
        """Return how many updates Rollcall has sent to a server for a domain since it started."""
        metrics = self.process.metrics()
        return int(metrics.total("rollcall_update_messages_total", zone=domain, target=name.lower()))

    def transfers(self) -> dict[str, int]:
        """Return how many transfers Rollcall has served since it started, by kind."""
        samples = self.process.metrics().samples("rollcall_transfers_total")
        return {labels["kind"]: int(value) for labels, value in samples}


@contextmanager
def opened(extent: Extent) -> Iterator[Scene]:
    """Start everything; end it after."""
    with ExitStack() as stack:
        plane = stack.enter_context(ControlPlane())
        plane.workloads.make_node()
        install_crds(plane)
        make_key(plane)
        say(f"making {fleets.LARGE_SERVICES * fleets.LARGE_PODS_EACH} pods for the large zone")
        fleets.make_large(plane)
        say("starting Rollcall, BIND, Knot and CoreDNS")
        primaries: dict[str, Nameserver] = {
            "BIND": Bind.primary(plane.folder / "bind", *_zones("BIND")),
            "Knot": Knot.primary(plane.folder / "knot", *_zones("Knot")),
        }
        for server in primaries.values():
            stack.enter_context(server)
        process = RollcallProcess(plane)
        stack.callback(process.stop)
        process.start()
        secondaries = _secondaries(plane, process)
        for server in secondaries.values():
            stack.enter_context(server)
        zones = DiscoveryZones(plane, process)
        _make_zones(zones, primaries, secondaries)
        written = acknowledgements()
        writer = stack.enter_context(Writer(plane, written))
        yield Scene(plane, process, zones, writer, written, extent, primaries, secondaries)


def namespaces(way: str, name: str) -> list[str]:
    """Return the namespaces whose services go to a server by update or by transfer."""
    own = name.lower().replace(" ", "-")
    return [f"{way}-{own}", f"burst-{own}"] if way == "update" else [f"{way}-{own}"]


def flipping(way: str, name: str) -> Fleet:
    """Lay out the services for single flips at a server."""
    return fleets.flipping(namespaces(way, name)[0], _NETWORKS[way, name])


def bursting(name: str) -> Fleet:
    """Lay out the services for bursts at a server that takes updates."""
    return fleets.bursting(namespaces("update", name)[1], _BURST_NETWORKS[name])


def _zones(name: str) -> Sequence[Zone]:
    floor = flipping("update", name)
    records = "\n".join(
        f"{service.name}.{service.namespace} 5 A {pod.address}"
        for service in floor.services
        for pod in service.pods
    )
    return Zone(FLOOR).holding(records), Zone(BY_UPDATE[name]), Zone(LARGE)


def _secondaries(plane: ControlPlane, process: RollcallProcess) -> dict[str, Nameserver]:
    ours = (LOOPBACK, process.transfer_port)
    unsigned = [BY_TRANSFER["CoreDNS"], BY_TRANSFER["CoreDNS unnotified"]]
    return {
        "BIND": Bind.secondary(plane.folder / "bind-secondary", ours, BY_TRANSFER["BIND"]),
        "Knot": Knot.secondary(plane.folder / "knot-secondary", ours, BY_TRANSFER["Knot"]),
        "CoreDNS": CoreDNS.secondary(plane.folder / "coredns", ours, *unsigned),
    }


def _make_zones(
    zones: DiscoveryZones, primaries: Mapping[str, Nameserver], secondaries: Mapping[str, Nameserver]
) -> None:
    for name, domain in BY_UPDATE.items():
        target = update_target(name.lower(), primaries[name])
        zones.make(domain, namespaces("update", name), updates=[target])
    open_to_us = [f"{LOOPBACK}/32"]
    for name, domain in BY_TRANSFER.items():
        transfer: dict[str, object] = {}
        if name in ("BIND", "Knot"):
            transfer["secondaries"] = [secondary(name.lower(), secondaries[name], signed=True)]
        elif name == "CoreDNS":
            transfer["secondaries"] = [secondary(name.lower(), secondaries[name], signed=False)]
            transfer["allowUnsigned"] = open_to_us
        else:
            transfer["allowUnsigned"] = open_to_us
        zones.make(domain, namespaces("transfer", name), transfer=transfer)
    zones.make(LARGE, ["large"], transfer={"allowUnsigned": open_to_us})
