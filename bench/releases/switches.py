"""A service of 100 blue and 100 green pods is switched to and fro while a witness asks for it."""

import random
import time
from dataclasses import asdict, dataclass
from typing import Any

from bench.figures import Spread
from bench.metrics import Metrics
from bench.processes import fine_cpu_seconds
from bench.progress import say
from bench.questions import SRV, A, question
from bench.releases.sides import Side
from bench.releases.switcher import Switcher
from bench.releases.timeline import Record, Seen, Switch, kinds, seen
from bench.releases.versions import PORT, Versioned, lay_out, made, set_release, wait_answered
from bench.releases.witness import Watch
from bench.releases.witnessing import Witnessing
from bench.stage import Stage
from controlplane import ControlPlaneError

PODS_EACH = 100
_SIDES = {Side.FIRST: "blue", Side.SECOND: "green"}
_PAUSE_SECONDS = (0.9, 1.3)
"""Between switches, at random, so that they don't fall into step with any timer.

Rollcall writes the status of the service 0.2 s after a switch: a single switch is not to wait for that of an
earlier one.
"""

_SHORT_PAUSE_SECONDS = (0.15, 0.35)
"""Between switches in a row, which do wait for it."""

_AFTER_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Way:
    """How the witness asks, with which policy the service is answered, and how soon switches follow."""

    policy: str
    rdtypes: tuple[int, ...]
    tcp: bool = False
    in_a_row: bool = False


WAYS = {
    "A, policy All": Way("All", (A,)),
    "A, policy Random": Way("Random", (A,)),
    "SRV": Way("All", (SRV,)),
    "A and SRV over TCP": Way("All", (A, SRV), tcp=True),
    "A, policy All, in a row": Way("All", (A,), in_a_row=True),
}
"""SRV over UDP is cut at 1,232 bytes; over TCP all 64 records are there, with their addresses. Over TCP each
connection asks for A and SRV in turn, so that one of the old side after the other of the new is seen."""


def measure(stage: Stage) -> dict[str, Any]:
    """Measure all ways, one after the other; a dict by way."""
    spec = {"answer": {"policy": "All"}, "release": _active("blue")}
    service = lay_out("switches", 11, {"web": (dict.fromkeys(_SIDES.values(), PODS_EACH), spec)})[0]
    with made(stage, [service]), Witnessing() as witnessing:
        wait_answered(stage, [service.answering("blue")])
        wait_answered(stage, [service.of_version("green")])
        return {name: _measure(stage, service, name, witnessing) for name in WAYS}


def _measure(stage: Stage, service: Versioned, way_name: str, witnessing: Witnessing) -> dict[str, Any]:
    say(f"{stage.extent.switches} switches, {way_name}")
    peer, way = stage.peers[0], WAYS[way_name]
    stage.plane.client.patch(service.path, {"spec": {"answer": {"policy": way.policy}}})
    set_release(stage, [service], _active("blue"))
    name = f"{service.name}.{service.namespace}.{peer.domain}"
    names = {A: name, SRV: f"_{PORT[0]}._tcp.{name}"}
    queries = tuple(question(names[rdtype], rdtype) for rdtype in way.rdtypes)
    metrics = Metrics.of(peer.http_port)
    began = {pid: fine_cpu_seconds([pid]) for pid in peer.serving_pids}
    witnessing.begin(Watch(peer.port, queries, way.tcp, _labels(service)))
    switches = []
    with Switcher(stage.plane, service) as switcher:
        for number in range(stage.extent.switches):
            to = Side.FIRST if number % 2 else Side.SECOND
            time.sleep(random.uniform(*(_SHORT_PAUSE_SECONDS if way.in_a_row else _PAUSE_SECONDS)))
            switches.append(switcher.switch(to, _SIDES[to]))
        time.sleep(_AFTER_SECONDS)
    record = witnessing.end()
    used = [fine_cpu_seconds([pid]) - before for pid, before in began.items()]
    return _summary(record, switches, seen(record, switches)) | {
        "in_rollcall_ms": _mean_ms(metrics, Metrics.of(peer.http_port)),
        "workers_cpu_seconds": used,
    }


def _summary(record: Record, switches: list[Switch], sights: list[Seen]) -> dict[str, Any]:
    firsts = [sight.first_new_ns for sight in sights if sight.first_new_ns is not None]
    lasts = [sight.last_old_ns for sight in sights if sight.last_old_ns is not None]
    if not firsts or not lasts:
        raise ControlPlaneError(f"none of {len(switches)} switches was ever seen in an answer")
    seconds = (max(record.sent_ns) - min(record.sent_ns)) / 1e9
    counts = kinds(record)
    return {
        "first_new_ms": asdict(Spread.of_ns(firsts)),
        "last_old_ms": asdict(Spread.of_ns(lasts)),
        "patch_ms": asdict(Spread.of_ns([each.acknowledged_ns - each.asked_ns for each in switches])),
        "missed": len(switches) - len(firsts),
        "back": sum(sight.back for sight in sights),
        "lost": record.lost,
        "cut": record.cut,
        **counts,
        "wrong": counts["failed"] + counts["strange"],
        "answers": len(record.sides),
        "questions_a_second": round(len(record.sides) / seconds),
        "gap_ms": asdict(Spread.of_ns(record.gaps_ns())),
        "raw_us": [
            [
                None if value is None else round(value / 1e3)
                for value in (sight.first_new_ns, sight.last_old_ns)
            ]
            for sight in sights
        ],
    }


def _mean_ms(before: Metrics, after: Metrics) -> float:
    """Return how long changes took from the receipt of their event until every worker answered them."""
    name = "rollcall_programming_duration_seconds"
    seconds, number = (
        after.total(f"{name}_{what}", stage="served") - before.total(f"{name}_{what}", stage="served")
        for what in ("sum", "count")
    )
    return 1000 * seconds / number if number else 0.0


def _labels(service: Versioned) -> dict[bytes, Side]:
    """Return the side of each pod by its address and by the label of its own name."""
    found = {}
    for side, version in _SIDES.items():
        for pod in service.pods[version]:
            found[pod.packed] = found[pod.address.replace(".", "-").encode()] = side
    return found


def _active(version: str) -> dict[str, Any]:
    return {"blueGreen": {"active": version, "minReady": PODS_EACH}}
