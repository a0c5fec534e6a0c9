"""What weights cost: answers a CPU second with a canary release, and of the same names without one.

Runs with and without take turns, and each with weights is held against the two beside it: a machine that
slows down meanwhile, or speeds up, does so to both.
"""

from dataclasses import dataclass
from statistics import median
from typing import Any

from bench import answers
from bench.peers import Peer
from bench.progress import say
from bench.releases.versions import PORT, Versioned, lay_out, made, set_release, wait_answered
from bench.stage import Stage

SERVICES = 20
NUMBERS = {"stable": 8, "canary": 2}
"""Of pods, so that 90 to 10 is not their ratio: the weights have to differ."""

RELEASE = {"canary": {"stable": "stable", "canary": "canary", "weight": 10}}


@dataclass(frozen=True, slots=True)
class Way:
    """What is asked for."""

    policy: str
    rdtype: str


WAYS = {"Random": Way("Random", "A"), "One": Way("One", "A"), "SRV": Way("Random", "SRV")}


def measure(stage: Stage) -> dict[str, Any]:
    """Measure all ways; a dict by way. Raises ControlPlaneError without dnsperf."""
    program = answers.dnsperf()
    services = lay_out("cost", 14, {f"svc-{number:03}": (NUMBERS, {}) for number in range(SERVICES)})
    with made(stage, services):
        wait_answered(stage, [service.answering(*NUMBERS) for service in services])
        return {name: _measure(stage, program, services, way) for name, way in WAYS.items()}


def _measure(stage: Stage, program: str, services: list[Versioned], way: Way) -> dict[str, Any]:
    client, peer, extent = stage.plane.client, stage.peers[0], stage.extent
    stage.plane.workloads.many(
        lambda service: client.patch(service.path, {"spec": {"answer": {"policy": way.policy}}}), services
    )
    questions = stage.plane.folder / "dnsperf.txt"
    names = [_name(peer, service, way) for service in services]
    plain: list[dict[str, float]] = []
    weighted: list[dict[str, float]] = []
    for number in range(2 * extent.cost_rounds + 1):
        release, runs = (RELEASE, weighted) if number % 2 else (None, plain)
        set_release(stage, services, release)
        say(f"dnsperf, {way.rdtype}, policy {way.policy}, {'with' if release else 'without'} weights")
        answers.write_questions(questions, names, number // 2, way.rdtype)
        runs.append(answers.run(program, peer, questions, extent.cost_seconds))
    return compare(
        [run["answers_a_cpu_second"] for run in plain], [run["answers_a_cpu_second"] for run in weighted]
    ) | {"runs": {"plain": plain, "weighted": weighted}}


def compare(plain: list[float], weighted: list[float]) -> dict[str, Any]:
    """Hold each rate with weights against the mean of the one before and the one after it.

    The cost is in percent of the CPU time that an answer takes without weights.
    """
    costs = [
        100 * ((before + after) / 2 / each - 1)
        for before, each, after in zip(plain, weighted, plain[1:], strict=False)
    ]
    return {
        "plain": median(plain),
        "weighted": median(weighted),
        "cost_percent": median(costs),
        "costs_percent": costs,
    }


def _name(peer: Peer, service: Versioned, way: Way) -> str:
    name = peer.domain_name(service.answering(*NUMBERS))
    return f"_{PORT[0]}._tcp.{name}" if way.rdtype == "SRV" else name
