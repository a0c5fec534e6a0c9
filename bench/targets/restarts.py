"""Rollcall ends and starts again, and nothing has changed: nobody is to be told anything."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from bench.figures import NS_A_MS
from bench.observer import Observer
from bench.progress import say
from bench.targets.fleets import large_service
from bench.targets.scene import Scene, flipping
from bench.targets.updates import QUERIES_A_SECOND
from bench.targets.zones import BY_TRANSFER, BY_UPDATE, LARGE
from bench.world import Service
from controlplane import ControlPlaneError
from nameservers import serial

SECONDARIES = ("BIND", "Knot", "CoreDNS")

_PROOF = 100
"""A service of the large zone that nothing else was done to."""

_SYNC_SECONDS = 120.0
_TIMEOUT_SECONDS = 60.0
_QUIET_SECONDS = 10.0
"""Twice the refresh of a secondary: whoever has a reason to transfer has done so, and is counted."""


def measure(scene: Scene) -> dict[str, Any]:
    """Restart it with the large zone at BIND and Knot by update, and small ones at the secondaries.

    Return what it wrote, whose serials changed, and who transferred what, all since the new start. A flip in
    each zone, after all that was counted, shows that it was at work.
    """
    with _secondaries(scene) as small:
        scene.zones.wait_current(LARGE, [name.lower() for name in BY_UPDATE])
        for name in SECONDARIES:
            scene.zones.wait_current(BY_TRANSFER[name], [name.lower()])
        scene.settle()
        before = _serials(scene)
        say("restarting Rollcall")
        scene.process.stop()
        scene.process.start()
        _wait_synced(scene)
        scene.settle()
        time.sleep(_QUIET_SECONDS)
        after = _serials(scene)
        messages = scene.process.metrics().total("rollcall_update_messages_total")
        transfers = scene.transfers()
        proofs = _prove(scene, small)
        _wait_counted(scene)
    return {
        "messages": messages,
        "serials_changed": sum(before[where] != after[where] for where in before),
        "serials": {where: [before[where], after[where]] for where in before},
        "transfers": sum(transfers.get(kind, 0) for kind in ("axfr", "ixfr")),
        "transfers_by_kind": transfers,
        "flips_after_ms": proofs,
    }


@contextmanager
def _secondaries(scene: Scene) -> Iterator[dict[str, tuple[Observer, Service]]]:
    with ExitStack() as stack:
        found = {}
        for name in SECONDARIES:
            observer = stack.enter_context(scene.observer(scene.secondaries[name], name, BY_TRANSFER[name]))
            fleet = stack.enter_context(scene.fleet(flipping("transfer", name), observer))
            found[name] = (observer, fleet.services[0])
        yield found


def _serials(scene: Scene) -> dict[str, int]:
    places = [(LARGE, name, server) for name, server in scene.primaries.items()]
    places += [(BY_TRANSFER[name], name, scene.secondaries[name]) for name in SECONDARIES]
    serials = {f"{domain} at {name}": serial(server, domain) or 0 for domain, name, server in places}
    for domain in (LARGE, *BY_TRANSFER.values()):
        serials[f"{domain} at Rollcall"] = scene.zones.serial(domain)
    return serials


def _wait_synced(scene: Scene) -> None:
    """Wait until Rollcall publishes again. Raises ControlPlaneError."""
    deadline = time.monotonic() + _SYNC_SECONDS
    while not scene.zones.serial(LARGE):
        if time.monotonic() > deadline:
            raise ControlPlaneError(f"{LARGE} was not back {_SYNC_SECONDS:.0f} s after a restart")
        time.sleep(0.2)


def _wait_counted(scene: Scene) -> None:
    """Wait until the transfers of the proofs are counted; else that there were none before says nothing."""
    deadline = time.monotonic() + _QUIET_SECONDS
    while not scene.transfers():
        if time.monotonic() > deadline:
            raise ControlPlaneError(f"Rollcall counted no transfer within {_QUIET_SECONDS:.0f} s")
        time.sleep(0.2)


def _prove(scene: Scene, small: Mapping[str, tuple[Observer, Service]]) -> dict[str, float]:
    """Flip a pod of each zone; return how long each server took to show it. Raises ControlPlaneError."""
    delays: dict[str, float] = {}
    for number, (name, server) in enumerate(scene.primaries.items(), _PROOF):
        with scene.observer(server, name, LARGE) as observer:
            delays[f"{name} by update"] = _flip(scene, observer, large_service(number))
    for name, (observer, service) in small.items():
        delays[f"{name} by transfer"] = _flip(scene, observer, service)
    return delays


def _flip(scene: Scene, observer: Observer, service: Service) -> float:
    pod = service.pods[0]
    scene.writer.begin()
    observer.begin(
        [service],
        frozenset({pod}),
        eager=True,
        queries_a_second=QUERIES_A_SECOND,
        timeout_seconds=_TIMEOUT_SECONDS,
    )
    scene.writer.flip([pod], ready=False)
    observer.end()
    if not (delays := observer.delays_ns([pod])):
        peer = observer.peer
        raise ControlPlaneError(f"{peer.name} never showed a flip in {peer.domain} after the restart")
    return delays[0] / NS_A_MS
