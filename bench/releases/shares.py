"""What part of the answers a canary has, whatever the numbers of its pods and of the stable version's."""

from collections.abc import Iterable, Mapping
from typing import Any

from bench.progress import say
from bench.questions import question
from bench.releases.flood import Tally, ask
from bench.releases.versions import Versioned, lay_out, made, wait_answered
from bench.stage import Stage
from bench.world import Pod
from controlplane import ControlPlaneError

ANSWERS = 100_000


def _case(stable: int, canary: int, weight: int, policy: str) -> tuple[Mapping[str, int], Mapping[str, Any]]:
    release = {"canary": {"stable": "stable", "canary": "canary", "weight": weight}}
    return {"stable": stable, "canary": canary}, {"answer": {"policy": policy}, "release": release}


CASES = {
    "ten": _case(5, 2, 10, "One"),
    "one": _case(5, 2, 1, "One"),
    "one-of-two": _case(1, 1, 1, "One"),
    "one-of-many": _case(3, 40, 1, "One"),
    "none": _case(5, 2, 0, "One"),
    "ten-random": _case(5, 2, 10, "Random"),
}
"""Services by name: the numbers of pods, the weight in percent. With Random the first places count."""


def measure(stage: Stage) -> dict[str, Any]:
    """Measure the canary's share in each case; a dict by case."""
    services = lay_out("shares", 12, CASES)
    with made(stage, services):
        wait_answered(stage, [service.of_version("canary") for service in services])
        wait_answered(stage, [service.answering(*_answered(service)) for service in services])
        say(f"{len(services)} shares, each in {ANSWERS:,} answers")
        cases = {service.name: _measure(stage, service) for service in services}
    return {**cases, "wrong": sum(case["wrong"] for case in cases.values())}


def _measure(stage: Stage, service: Versioned) -> dict[str, Any]:
    peer = stage.peers[0]
    pods = [pod for version in service.pods.values() for pod in version]
    query = question(peer.domain_name(service.answering(*service.pods)))
    tally = Tally(query, 1 if service.spec["answer"]["policy"] == "One" else min(8, len(pods)))
    ask(peer.port, query, ANSWERS, tally)
    counts = {version: _count(tally, each) for version, each in service.pods.items()}
    answers = sum(counts.values())
    if not answers:
        raise ControlPlaneError(f"{service.name} was never answered with one of its pods")
    return {
        "share_percent": 100 * counts["canary"] / answers,
        "canary_answers": counts["canary"],
        "answers": answers,
        "wrong": ANSWERS - answers,
        "by_pod": {pod.address: tally.firsts[pod.packed] for pod in pods},
    }


def _answered(service: Versioned) -> Iterable[str]:
    """Return the versions that are answered at all."""
    weight = service.spec["release"]["canary"]["weight"]
    return service.pods if weight else ["stable"]


def _count(tally: Tally, pods: tuple[Pod, ...]) -> int:
    return sum(tally.firsts[pod.packed] for pod in pods)
