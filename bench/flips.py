"""One pod at a time turns not ready or ready: how long until the answers say so."""

import random
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bench.figures import Spread
from bench.progress import say
from bench.stage import Stage
from bench.world import Fleet, plan

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
    """Measure flips one after the other, each with all servers at once; a dict by server."""
    with stage.fleet(plan("flips", 1, SERVICES, PODS_EACH)) as fleet:
        say(f"{stage.extent.flips} single flips")
        return _measure(stage, fleet)


def _measure(stage: Stage, fleet: Fleet) -> dict[str, Any]:
    delays: dict[str, list[int]] = {peer.name: [] for peer in stage.peers}
    resolutions: dict[str, list[int]] = {peer.name: [] for peer in stage.peers}
    ends: dict[str, list[Done]] = {peer.name: [] for peer in stage.peers}
    unready: set[str] = set()
    for number in range(stage.extent.flips):
        # each service's first pod goes and comes back, then its second, and so on
        service = fleet.services[number % SERVICES]
        pod = service.pods[number // SERVICES // 2 % PODS_EACH]
        unready ^= {pod.name}
        gone = frozenset(each for each in service.pods if each.name in unready)
        stage.writer.begin()
        for observer in stage.observers:
            observer.begin(
                [service],
                gone,
                eager=True,
                queries_a_second=QUERIES_A_SECOND,
                timeout_seconds=TIMEOUT_SECONDS,
            )
        stage.writer.flip([pod], pod.name not in unready)
        for observer in stage.observers:
            ends[observer.peer.name].append(observer.end())
            delays[observer.peer.name] += observer.delays_ns([pod])
            resolutions[observer.peer.name] += observer.resolutions_ns([pod])
        time.sleep(random.uniform(*_PAUSE_SECONDS))
    return {
        name: {
            "delay_ms": asdict(Spread.of_ns(delays[name])),
            "resolution_ms": asdict(Spread.of_ns(resolutions[name])),
            "missed": stage.extent.flips - len(delays[name]),
            "refused": sum(done.refused for done in ends[name]),
            "strangers": sum(done.strangers for done in ends[name]),
            "raw_us": [round(delay / 1e3) for delay in delays[name]],
        }
        for name in delays
    }
