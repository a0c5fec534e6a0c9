"""Flips that go to BIND and Knot by update, and between them the floor: bare updates of as large sets."""

import random
import time
from dataclasses import asdict
from typing import Any

from bench.figures import Spread
from bench.flips import Outcome
from bench.observer import Observer
from bench.progress import say
from bench.targets.axfr import key
from bench.targets.bareupdate import BareUpdates
from bench.targets.scene import Scene, flipping
from bench.targets.zones import BY_UPDATE, FLOOR
from bench.world import Fleet, Pod, Service
from nameservers import KEY

QUERIES_A_SECOND = 2_000
TIMEOUT_SECONDS = 10.0

_PAUSE_SECONDS = {"BIND": (0.1, 0.2), "Knot": (0.55, 0.7)}
"""Between a flip and a bare update, at random, so that they don't fall into step with any timer.

Knot 3.2 holds back an update that comes less than a second after another one of its zone, but in another
second of the clock, until that second is over: a single flip is not to wait for an earlier one.
"""


def measure(scene: Scene) -> dict[str, Any]:
    """Measure one server after the other; a dict by server."""
    return {name: _measure(scene, name) for name in BY_UPDATE}


class Turns:
    """The pods of a fleet, one after the other: each goes in one turn and comes back in the next."""

    def __init__(self, fleet: Fleet) -> None:
        self._services = fleet.services
        self._unready: set[Pod] = set()
        self._count = 0

    def next(self) -> tuple[Service, Pod, frozenset[Pod]]:
        """Return the next pod with its service, and all pods that are not ready from then on."""
        turn, self._count = self._count // 2, self._count + 1
        service = self._services[turn % len(self._services)]
        pod = service.pods[turn // len(self._services) % len(service.pods)]
        self._unready ^= {pod}
        return service, pod, frozenset(self._unready)


def flip(
    scene: Scene, observer: Observer, turns: Turns, outcome: Outcome, timeout_seconds: float = TIMEOUT_SECONDS
) -> None:
    """Flip one pod, and wait until a server shows it."""
    service, pod, unready = turns.next()
    scene.writer.begin()
    _arm(observer, service, unready, timeout_seconds)
    scene.writer.flip([pod], pod not in unready)
    outcome.add(observer, pod)


def rest(seconds: tuple[float, float]) -> None:
    """Wait for a random time between two."""
    time.sleep(random.uniform(*seconds))


def _arm(observer: Observer, service: Service, unready: frozenset[Pod], timeout_seconds: float) -> None:
    observer.begin(
        [service], unready, eager=True, queries_a_second=QUERIES_A_SECOND, timeout_seconds=timeout_seconds
    )


def _measure(scene: Scene, name: str) -> dict[str, Any]:
    server, domain, planned = scene.primaries[name], BY_UPDATE[name], flipping("update", name)
    flipped, bare, exchanges = Outcome(), Outcome(), list[int]()
    with (
        scene.observer(server, name, domain) as observer,
        scene.observer(server, f"the floor of {name}", FLOOR) as floor,
        BareUpdates(server.port, FLOOR, key(KEY)) as updates,
        scene.fleet(planned, observer) as fleet,
    ):
        say(f"{scene.flips} single flips at {name} by update, and as many bare updates")
        before, turns, floor_turns = scene.messages(name, domain), Turns(fleet), Turns(fleet)
        for _ in range(scene.flips):
            exchanges.append(_update(scene, floor, updates, floor_turns, bare))
            rest(_PAUSE_SECONDS[name])
            flip(scene, observer, turns, flipped)
            rest(_PAUSE_SECONDS[name])
        sent = scene.messages(name, domain) - before
    return {
        **flipped.summary(),
        "messages": sent,
        "bare": {**bare.summary(), "exchange_ms": asdict(Spread.of_ns(exchanges))},
    }


def _update(scene: Scene, floor: Observer, updates: BareUpdates, turns: Turns, outcome: Outcome) -> int:
    """Send a bare update, wait until the server shows it; return how long the server took to answer it."""
    service, pod, unready = turns.next()
    scene.written.clear()
    _arm(floor, service, unready, TIMEOUT_SECONDS)
    message = updates.message(
        floor.peer.domain_name(service), [each.address for each in service.pods if each not in unready]
    )
    sent_ns, answered_ns = updates.send(message)
    scene.written.add(pod.slot, sent_ns)
    outcome.add(floor, pod)
    return answered_ns - sent_ns
