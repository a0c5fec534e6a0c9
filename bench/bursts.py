"""Many pods turn not ready at once, and ready again: how long until each of them is seen in the answers."""

import time
from dataclasses import asdict, dataclass
from typing import Any

from bench.figures import Spread
from bench.progress import say
from bench.stage import Stage
from bench.world import Fleet

QUERIES_A_SECOND = 2_000
"""To each server. More would take the CPU time that the servers need, less would measure ourselves."""

TIMEOUT_SECONDS = 120.0


def measure(stage: Stage, fleet: Fleet) -> dict[str, Any]:
    """Turn a whole fleet over in both directions, as often as the extent says; a dict by server."""
    delays: dict[str, list[int]] = {peer.name: [] for peer in stage.peers}
    resolutions: dict[str, list[int]] = {peer.name: [] for peer in stage.peers}
    rounds: dict[str, list[dict[str, Any]]] = {peer.name: [] for peer in stage.peers}
    for number in range(2 * stage.extent.burst_rounds):
        for name, outcome in _round(stage, fleet, number).items():
            delays[name] += outcome.delays
            resolutions[name] += outcome.resolutions
            rounds[name].append(outcome.summary)
        stage.settle()
    return {
        name: {
            "delay_ms": asdict(Spread.of_ns(delays[name])),
            "resolution_ms": asdict(Spread.of_ns(resolutions[name])),
            "missed": 2 * stage.extent.burst_rounds * len(fleet.pods) - len(delays[name]),
            "rounds": rounds[name],
        }
        for name in delays
    }


@dataclass(frozen=True, slots=True)
class _Outcome:
    delays: list[int]
    resolutions: list[int]
    summary: dict[str, Any]


def _round(stage: Stage, fleet: Fleet, number: int) -> dict[str, _Outcome]:
    ready = number % 2 == 1
    pods = fleet.shuffled(number)
    say(f"{fleet.namespace}: {len(pods)} pods turn {'ready' if ready else 'not ready'} at once")
    stage.writer.begin()
    for observer in stage.observers:
        observer.begin(
            fleet.services,
            frozenset() if ready else frozenset(pods),
            eager=False,
            queries_a_second=QUERIES_A_SECOND,
            timeout_seconds=TIMEOUT_SECONDS,
        )
    began = time.monotonic()
    stage.writer.flip(pods, ready)
    writing_seconds = time.monotonic() - began
    outcomes = {}
    for observer in stage.observers:
        done = observer.end()
        delays = observer.delays_ns(pods)
        outcomes[observer.peer.name] = _Outcome(
            delays,
            observer.resolutions_ns(pods),
            {
                "ready": ready,
                "writing_seconds": round(writing_seconds, 3),
                "delay_ms": asdict(Spread.of_ns(delays)) if delays else None,
                "queries": done.queries,
                "poller_cpu_seconds": round(done.cpu_seconds, 3),
                "strangers": done.strangers,
            },
        )
    return outcomes
