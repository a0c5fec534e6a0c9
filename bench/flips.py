"""One pod at a time turns not ready or ready: how long until the answers say so."""

import random
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bench.figures import Spread
from bench.observer import Observer
from bench.progress import say
from bench.stage import Stage
from bench.world import Fleet, Pod, plan
from controlplane import ControlPlaneError

if TYPE_CHECKING:
    from bench.poller import Done

SERVICES, PODS_EACH = 20, 5
"""Answers of up to 8 addresses are whole sets, so that a change is seen in the first answer that has it."""

QUERIES_A_SECOND = 3_000
TIMEOUT_SECONDS = 10.0

_PAUSE_SECONDS = (0.06, 0.14)
"""Between flips, at random, so that they don't fall into step with any timer. Below 20 flips a second, the
limit of the endpointslice controller's client: a single flip is not to wait for an earlier one."""


def measure(stage: Stage) -> dict[str, Any]:
    """Measure flips one after the other; a dict by server.

    The servers are looked at in turn, one flip each, though all of them follow all flips. Two pollers at
    once on two cores raised Rollcall's median and left CoreDNS's as it was: so this choice is in Rollcall's
    favour, as it takes away work that is there only to measure.
    """
    with stage.fleet(plan("flips", 1, SERVICES, PODS_EACH)) as fleet:
        say(f"{stage.extent.flips} single flips for each server")
        return _measure(stage, fleet)


def _measure(stage: Stage, fleet: Fleet) -> dict[str, Any]:
    outcomes = {peer.name: Outcome() for peer in stage.peers}
    unready: set[Pod] = set()
    for number in range(stage.extent.flips * len(stage.observers)):
        observer = stage.observers[number % len(stage.observers)]
        # a pod goes and comes back in two flips that the same server is looked at for
        turn = number // len(stage.observers)
        service = fleet.services[number % len(stage.observers) + turn // 2 * len(stage.observers) % SERVICES]
        pod = service.pods[turn // SERVICES % PODS_EACH]
        unready ^= {pod}
        stage.writer.begin()
        observer.begin(
            [service],
            frozenset(unready),
            eager=True,
            queries_a_second=QUERIES_A_SECOND,
            timeout_seconds=TIMEOUT_SECONDS,
        )
        stage.writer.flip([pod], pod not in unready)
        outcomes[observer.peer.name].add(observer, pod)
        time.sleep(random.uniform(*_PAUSE_SECONDS))
    return {name: outcome.summary() for name, outcome in outcomes.items()}


class Outcome:
    """What was seen of one server."""

    def __init__(self) -> None:
        self._delays: list[int] = []
        self._resolutions: list[int] = []
        self._ends: list[Done] = []

    def add(self, observer: Observer, pod: Pod) -> None:
        """Take what a poller saw of a pod, when it is done."""
        self._ends.append(observer.end())
        self._delays += observer.delays_ns([pod])
        self._resolutions += observer.resolutions_ns([pod])

    def summary(self) -> dict[str, Any]:
        """Return the figures. Raises ControlPlaneError when not a single flip was seen."""
        if not self._delays:
            raise ControlPlaneError(f"none of {len(self._ends)} flips was ever seen in an answer")
        return {
            "delay_ms": asdict(Spread.of_ns(self._delays)),
            "resolution_ms": asdict(Spread.of_ns(self._resolutions)),
            "missed": len(self._ends) - len(self._delays),
            "refused": sum(done.refused for done in self._ends),
            "strangers": sum(done.strangers for done in self._ends),
            "raw_us": [round(delay / 1e3) for delay in self._delays],
        }
