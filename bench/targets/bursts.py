"""All pods of 60 services turn at once, at a server that takes updates: how long, and in how many messages.

Two cores write 200 to 400 statuses a second, so that a burst through the API is spread over a second. Where
all changes are to be there at once, Rollcall's control process is halted until all is written.
"""

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bench.figures import Spread
from bench.observer import Observer
from bench.progress import say
from bench.targets.scene import Scene, bursting
from bench.targets.zones import BY_UPDATE
from bench.world import Fleet, Pod

QUERIES_A_SECOND = 2_000
TIMEOUT_SECONDS = 60.0


def measure(scene: Scene) -> dict[str, Any]:
    """Turn the services of each server over in both directions, in both ways; a dict by server."""
    return {name: _measure(scene, name) for name in BY_UPDATE}


def _measure(scene: Scene, name: str) -> dict[str, Any]:
    rounds: dict[str, list[dict[str, Any]]] = {"at_once": [], "as_written": []}
    with (
        scene.observer(scene.primaries[name], name, BY_UPDATE[name]) as observer,
        scene.fleet(bursting(name), observer) as fleet,
    ):
        for number in range(scene.extent.burst_rounds):
            for way, done in rounds.items():
                done += [
                    _round(scene, observer, fleet, number, ready=ready, halted=way == "at_once")
                    for ready in (False, True)
                ]
    return {way: _summary(done) for way, done in rounds.items()}


def _summary(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Sum up the rounds by the worst of them."""
    return {
        "p50_ms": max(each["delay_ms"]["p50"] for each in rounds),
        "worst_ms": max(each["delay_ms"]["worst"] for each in rounds),
        "messages": max(each["messages"] for each in rounds),
        "missed": sum(each["missed"] for each in rounds),
        "rounds": list(rounds),
    }


def _round(
    scene: Scene, observer: Observer, fleet: Fleet, number: int, *, ready: bool, halted: bool
) -> dict[str, Any]:
    name, domain = observer.peer.name, observer.peer.domain
    pods = fleet.shuffled(number)
    say(f"{len(pods)} pods at {name} turn {'ready' if ready else 'not ready'}{' at once' if halted else ''}")
    before = scene.messages(name, domain)
    scene.writer.begin()
    if halted:
        seconds = _flip_while_halted(scene, observer, fleet, pods, ready)
    else:
        _begin(observer, fleet, ready, eager=False)
        seconds = _flip(scene, pods, ready)
    done = observer.end()
    delays = observer.delays_ns(pods)
    scene.settle()
    return {
        "ready": ready,
        "writing_seconds": round(seconds, 3),
        "delay_ms": asdict(Spread.of_ns(delays)),
        "missed": len(pods) - len(delays),
        "queries": done.queries,
        "messages": scene.messages(name, domain) - before,
    }


def _flip_while_halted(
    scene: Scene, observer: Observer, fleet: Fleet, pods: Sequence[Pod], ready: bool
) -> float:
    """Write all while Rollcall's control process is halted; delays are from when it goes on."""
    halted = scene.process.pids[0], scene.process.control_pid  # the supervisor would replace one that hangs
    for pid in halted:
        os.kill(pid, signal.SIGSTOP)
    try:
        seconds = _flip(scene, pods, ready)
        _begin(observer, fleet, ready, eager=True)
        now_ns = time.time_ns()
        scene.written.clear()
        for pod in pods:
            scene.written.add(pod.slot, now_ns)
    finally:
        for pid in reversed(halted):
            os.kill(pid, signal.SIGCONT)
    return seconds


def _flip(scene: Scene, pods: Sequence[Pod], ready: bool) -> float:
    began = time.monotonic()
    scene.writer.flip(pods, ready)
    return time.monotonic() - began


def _begin(observer: Observer, fleet: Fleet, ready: bool, *, eager: bool) -> None:
    observer.begin(
        fleet.services,
        frozenset() if ready else frozenset(fleet.pods),
        eager=eager,
        queries_a_second=QUERIES_A_SECOND,
        timeout_seconds=TIMEOUT_SECONDS,
    )
