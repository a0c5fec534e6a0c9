"""Flips that go to secondaries: BIND and Knot by NOTIFY and IXFR; CoreDNS by AXFR, notified or not."""

from typing import Any

from bench.flips import Outcome
from bench.progress import say
from bench.targets.scene import Scene, flipping
from bench.targets.updates import Turns, flip, rest
from bench.targets.zones import BY_TRANSFER

FLIPS_AT_REFRESH = 10
"""One for so many flips of the other servers: each takes seconds."""

UNNOTIFIED = "CoreDNS unnotified"

_TIMEOUT_SECONDS = 30.0
_PAUSE_SECONDS = {
    "BIND": (0.15, 0.3),
    "Knot": (1.1, 1.3),
    "CoreDNS": (0.15, 0.3),
    UNNOTIFIED: (0.0, 5.0),
}
"""Rollcall sends at most one NOTIFY in 100 ms, and Knot holds things back (see updates.py): a single flip is
not to wait for an earlier one.
"""


def measure(scene: Scene) -> dict[str, Any]:
    """Measure one secondary after the other; a dict by server."""
    return {name: _measure(scene, name) for name in BY_TRANSFER}


def _measure(scene: Scene, name: str) -> dict[str, Any]:
    server = scene.secondaries[name.removesuffix(" unnotified")]
    flips = scene.flips // (FLIPS_AT_REFRESH if name == UNNOTIFIED else 1)
    outcome = Outcome()
    with (
        scene.observer(server, name, BY_TRANSFER[name]) as observer,
        scene.fleet(flipping("transfer", name), observer) as fleet,
    ):
        say(f"{flips} single flips at {name} by transfer")
        before, turns = scene.transfers(), Turns(fleet)
        for _ in range(flips):
            flip(scene, observer, turns, outcome, _TIMEOUT_SECONDS)
            rest(_PAUSE_SECONDS[name])
        scene.settle()  # counters come once a second
        after = scene.transfers()
    return {
        **outcome.summary(),
        "transfers": {kind: after[kind] - before.get(kind, 0) for kind in after},
    }
