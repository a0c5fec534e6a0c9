"""A zone of 10,000 names and 50,000 records: brought to an empty server, transferred, and one flip in it."""

import re
import time
from dataclasses import asdict, dataclass
from typing import Any, Self

import dns.rdatatype

from bench.flips import Outcome
from bench.observer import Observer
from bench.progress import say
from bench.targets import fleets
from bench.targets.apicalls import lists
from bench.targets.axfr import Records, Transferred, key, transfer
from bench.targets.scene import Scene
from bench.targets.updates import QUERIES_A_SECOND
from bench.targets.zones import BY_UPDATE, LARGE, update_target
from controlplane import ControlPlaneError
from nameservers import KEY

_TRANSFERS = 5
_SYNC_SECONDS = 300.0
_TIMEOUT_SECONDS = 30.0
_AT_ONCE_SECONDS = 1.0
_LATER_SECONDS = 40.0
"""Rollcall has read back what it wrote by then, and has no reason to do it again before the next flip."""

_AXFR_BEGAN = {"BIND": re.compile(r"AXFR started"), "Knot": re.compile(r"AXFR, outgoing.*started")}
"""What a server logs of a transfer to us."""


def measure(scene: Scene) -> dict[str, Any]:
    """Measure all three; the zone is at both servers after it."""
    _wait_whole(scene)
    done = _transfers(scene)
    whole = _content(done[0])
    names = len({owner for owner, _, _ in whole})
    if names < fleets.LARGE_NAMES or len(whole) < fleets.LARGE_RECORDS:
        raise ControlPlaneError(f"{LARGE} has {names} names and {len(whole)} records only")
    results: dict[str, Any] = {
        "names": names,
        "records": len(whole),
        "axfr": {
            "seconds_worst": max(each.seconds for each in done),
            "seconds": [each.seconds for each in done],
            "octets": done[0].octets,
            "messages": len(done[0].messages),
        },
        "sync_seconds": {},
        "sync_messages": {},
    }
    for name in BY_UPDATE:
        before = scene.messages(name, LARGE)
        results["sync_seconds"][name] = _sync(scene, name, whole)
        results["sync_messages"][name] = scene.messages(name, LARGE) - before
    everywhere = [update_target(name.lower(), server) for name, server in scene.primaries.items()]
    scene.zones.change(LARGE, updates=everywhere)
    scene.zones.wait_current(LARGE, [name.lower() for name in BY_UPDATE])
    results["flip"] = _flips(scene)
    return results


def _wait_whole(scene: Scene) -> None:
    """Wait until Rollcall has the whole zone, and all is at rest. Raises ControlPlaneError."""
    deadline = time.monotonic() + _SYNC_SECONDS
    known = 0.0
    while known < fleets.LARGE_RECORDS:
        if time.monotonic() > deadline:
            raise ControlPlaneError(f"Rollcall has {known:.0f} records of {LARGE} only")
        time.sleep(0.2)
        known = scene.process.metrics().total("rollcall_zone_records", zone=LARGE)
    scene.settle()


def _transfers(scene: Scene) -> list[Transferred]:
    """Transfer the zone from Rollcall; the first time is the first that anybody does."""
    say(f"{_TRANSFERS} transfers of {LARGE} from Rollcall")
    done: list[Transferred] = []
    for _ in range(_TRANSFERS):
        done.append(transfer(scene.process.transfer_port, LARGE, None))
        time.sleep(0.5)
    return done


def _sync(scene: Scene, name: str, whole: Records) -> float:
    """Make an empty server a target; return the seconds until all is there and the status says so."""
    server = scene.primaries[name]
    scene.settle()
    say(f"bringing {LARGE} to an empty {name}")
    began = time.monotonic()
    scene.zones.change(LARGE, updates=[update_target(name.lower(), server)])
    scene.zones.wait_current(LARGE, [name.lower()], _SYNC_SECONDS)
    seconds = time.monotonic() - began
    there = _content(transfer(server.port, LARGE, key(KEY)))
    if there != whole:
        raise ControlPlaneError(
            f"{name} has not the same {LARGE} as Rollcall: {len(whole - there)} records are missing, "
            f"{len(there - whole)} are too many"
        )
    return seconds


def _content(transferred: Transferred) -> Records:
    """Return what must be the same at every server: all but the apex and the markers."""
    return frozenset(
        record for record in transferred.records() if record[1] not in (dns.rdatatype.NS, dns.rdatatype.TXT)
    )


def _flips(scene: Scene) -> dict[str, Any]:
    count = scene.extent.burst_rounds
    say(f"{count} single flips in {LARGE}, {_LATER_SECONDS:.0f} s apart")
    outcomes = {name: Outcome() for name in BY_UPDATE}
    with (
        scene.observer(scene.primaries["BIND"], "BIND", LARGE) as bind,
        scene.observer(scene.primaries["Knot"], "Knot", LARGE) as knot,
    ):
        time.sleep(_LATER_SECONDS)
        costs = [_flip(scene, [bind, knot], number, outcomes) for number in range(count)]
    at_once, later = ([cost[when] for cost in costs] for when in (0, 1))
    return {
        **{name: outcome.summary() for name, outcome in outcomes.items()},
        "messages": {name: max(cost.messages[name] for cost in at_once) for name in BY_UPDATE},
        "axfrs": {name: max(cost.axfrs[name] for cost in at_once) for name in BY_UPDATE},
        "axfrs_later": {name: max(cost.axfrs[name] for cost in later) for name in BY_UPDATE},
        "messages_later": {name: max(cost.messages[name] for cost in later) for name in BY_UPDATE},
        "lists": max(cost.lists for cost in at_once),
        "each": [{"at_once": asdict(first), "later": asdict(second)} for first, second in costs],
    }


def _flip(
    scene: Scene, observers: list[Observer], number: int, outcomes: dict[str, Outcome]
) -> tuple["_Costs", "_Costs"]:
    """Flip one pod; return what that cost until a second after the answers, and from then until later."""
    service = fleets.large_service(number)
    pod = service.pods[0]
    before = _Costs.now(scene)
    scene.writer.begin()
    for observer in observers:
        observer.begin(
            [service],
            frozenset({pod}),
            eager=True,
            queries_a_second=QUERIES_A_SECOND,
            timeout_seconds=_TIMEOUT_SECONDS,
        )
    scene.writer.flip([pod], ready=False)
    for observer in observers:
        outcomes[observer.peer.name].add(observer, pod)
    time.sleep(_AT_ONCE_SECONDS)
    then = _Costs.now(scene)
    time.sleep(_LATER_SECONDS)
    return then.since(before), _Costs.now(scene).since(then)


@dataclass(frozen=True, slots=True)
class _Costs:
    """Updates and transfers by server, and lists from the API."""

    messages: dict[str, int]
    axfrs: dict[str, int]
    lists: int

    @classmethod
    def now(cls, scene: Scene) -> Self:
        """Read the counters."""
        return cls(
            {name: scene.messages(name, LARGE) for name in BY_UPDATE},
            {name: len(_AXFR_BEGAN[name].findall(scene.primaries[name].log)) for name in BY_UPDATE},
            lists(scene.plane),
        )

    def since(self, earlier: Self) -> Self:
        """Return what has come in between."""
        return type(self)(
            {name: count - earlier.messages[name] for name, count in self.messages.items()},
            {name: count - earlier.axfrs[name] for name, count in self.axfrs.items()},
            self.lists - earlier.lists,
        )
