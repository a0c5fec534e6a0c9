"""What releases must reach, and the table that holds each figure against it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.releases import cost, evenness, shares, switches
from bench.table import aligned, figure, number

NO_PEER = "none has it"
"""external-dns, CoreDNS and consul-k8s know no versions and no weights of pods; Argo Rollouts without a
traffic router comes near to a weight by the numbers of replicas."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure, with the least and the most that it may be; without both it is only shown.

    `path` leads to it in the results.
    """

    measurement: str
    path: tuple[str, ...]
    unit: str = ""
    least: float | None = None
    most: float | None = None
    others: str = NO_PEER


def _switches(way: str) -> Iterable[Goal]:
    what = f"switch of {switches.PODS_EACH} pods, {way}"
    most = None if switches.WAYS[way].in_a_row else 20
    for name, key in (("first of the new side", "first_new_ms"), ("last of the old side", "last_old_ms")):
        path = ("switches", way, key)
        yield Goal(f"{what}: {name}, p50", (*path, "p50"), "ms")
        yield Goal(f"{what}: {name}, p99", (*path, "p99"), "ms", most=most)
        yield Goal(f"{what}: {name}, worst", (*path, "worst"), "ms", most=most)
    yield Goal(f"{what}: of that in Rollcall, mean", ("switches", way, "in_rollcall_ms"), "ms")
    wrongs = {
        "mixed": "that mix the sides",
        "empty": "that are empty",
        "lost": "that never came",
        "back": "of the old side after the new one",
        "wrong": "that are errors or hold strangers",
    }
    yield Goal(f"{what}: answers a second", ("switches", way, "questions_a_second"), others="-")
    for key, words in wrongs.items():
        yield Goal(f"{what}: answers {words}", ("switches", way, key), most=0)
    yield Goal(f"{what}: switches not seen", ("switches", way, "missed"), most=0)


def _share(case: str, weight: float, points: float) -> Goal:
    numbers, spec = shares.CASES[case]
    policy = spec["answer"]["policy"]
    what = f"canary of {weight:g} %, {numbers['stable']} stable and {numbers['canary']} canary pods, {policy}"
    if policy != "One":
        what += ", first places"
    return Goal(
        f"{what}: share of {shares.ANSWERS:,} answers",
        ("shares", case, "share_percent"),
        "%",
        least=weight - points,
        most=weight + points,
    )


def _even(pods: int) -> Iterable[Goal]:
    what, path = f"{evenness.COUNT} of {pods} addresses", ("evenness", str(pods))
    yield Goal(f"{what}: answers", (*path, "answers"), others="-")
    yield Goal(f"{what}: first places even, p", (*path, "first_places_p"), least=0.001, others="-")
    yield Goal(f"{what}: membership even, p", (*path, "membership_p"), least=0.001, others="-")
    yield Goal(f"{what}: answers with one address twice", (*path, "repeated"), most=0, others="-")
    yield Goal(f"{what}: wrong answers, and those that never came", (*path, "wrong"), most=0, others="-")


def _cost(way: str) -> Iterable[Goal]:
    asked = cost.WAYS[way]
    what = f"{asked.rdtype}, policy {asked.policy}"
    yield Goal(f"{what}: answers a CPU second without weights", ("cost", way, "plain"))
    yield Goal(f"{what}: answers a CPU second, canary of 10 %", ("cost", way, "weighted"))
    yield Goal(f"{what}: what weights cost", ("cost", way, "cost_percent"), "%", most=10)


GOALS: tuple[Goal, ...] = (
    *(goal for way in switches.WAYS for goal in _switches(way)),
    _share("ten", 10, 0.5),
    _share("one", 1, 0.2),
    _share("one-of-two", 1, 0.2),
    _share("one-of-many", 1, 0.2),
    _share("none", 0, 0),
    _share("ten-random", 10, 0.5),
    Goal("shares: wrong answers, and those that never came", ("shares", "wrong"), most=0, others="-"),
    *(goal for pods in evenness.NUMBERS for goal in _even(pods)),
    *(goal for way in cost.WAYS for goal in _cost(way)),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A goal with what was measured of it."""

    goal: Goal
    figure: float

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None where there is none."""
        least, most = self.goal.least, self.goal.most
        if least is None and most is None:
            return None
        return (least is None or self.figure >= least) and (most is None or self.figure <= most)


def rows(results: Mapping[str, Any]) -> list[Row]:
    """Take the figures of all goals that were measured."""
    return [Row(goal, found) for goal in GOALS if (found := figure(results, goal.path)) is not None]


def as_json(table: Iterable[Row]) -> list[dict[str, Any]]:
    """Give the rows as plain values."""
    return [
        {
            "measured": row.goal.measurement,
            "unit": row.goal.unit,
            "figure": row.figure,
            "least": row.goal.least,
            "most": row.goal.most,
            "others": row.goal.others,
            "met": row.met,
        }
        for row in table
    ]


def render(table: Iterable[Row]) -> str:
    """Lay the rows out as a Markdown table with aligned columns."""
    head = ("measured", "goal", "Rollcall", "other projects, for pods in DNS", "met")
    return aligned([head, *(_cells(row) for row in table)])


def _cells(row: Row) -> Sequence[str]:
    goal = row.goal
    return (
        goal.measurement,
        _wanted(goal),
        f"{number(row.figure)} {goal.unit}".strip(),
        goal.others,
        "-" if row.met is None else "yes" if row.met else "NO",
    )


def _wanted(goal: Goal) -> str:
    least, most, unit = goal.least, goal.most, goal.unit
    if least is not None and most is not None:
        text = f"{number(least)} to {number(most)} {unit}" if least != most else f"{number(most)} {unit}"
    elif most is not None:
        text = f"≤ {number(most)} {unit}"
    else:
        text = "-" if least is None else f"≥ {number(least)} {unit}"
    return text.strip()
