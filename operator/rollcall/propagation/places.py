"""How far a service has got at each target that a zone goes to. Pure."""

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import NamedTuple

from .report import BEHIND
from .targets import TargetStates


class Standing(Enum):
    """What is known of a service at a target."""

    THERE = "there"
    ON_ITS_WAY = "on its way"
    UNKNOWN = "unknown"
    FAILING = "failing"


class Place(NamedTuple):
    """A service at a target. `at` (Unix seconds) is since when the target has the version that it has.

    `reason` and `message` are those of the target where the service is not as it should be there. UNKNOWN is
    what no process of ours has heard of since it started: the target may have it from before.
    """

    target: str
    standing: Standing
    at: float = 0.0
    reason: str = ""
    message: str = ""


def places(targets: TargetStates, domains: Sequence[bytes], root: bytes, serial: int) -> Iterator[Place]:
    """Yield where a service stands at each target of a zone but our own server.

    `domains` are those of the zone, its own first, `root` is the main name of the service there (all in wire
    format), `serial` that of the version that last changed it. What is behind in a reverse domain only isn't
    told: which pointers are whose is not known at a target.
    """
    for name in targets.names(domains):
        known = [target for domain in domains if (target := targets.get(domain, name))]
        if trouble := next(filter(None, (target.trouble(root) for target in known)), None):
            yield Place(name, Standing.FAILING, 0.0, *trouble)
            continue
        main = targets.get(domains[0], name)
        target = main or known[0]
        if target.state is None or not target.confirmed:
            yield Place(name, Standing.UNKNOWN, reason=BEHIND)
        elif main is not None and main.lacks(serial):
            yield Place(name, Standing.ON_ITS_WAY, target.state.report.at, BEHIND)
        else:
            yield Place(name, Standing.THERE, target.state.report.at)
