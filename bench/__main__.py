"""`python -m bench`: measure, print the table, write the JSON."""

import argparse
import json
import sys
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import answers, bursts, flips, idle, machine, table
from bench.progress import say
from bench.releases import goals as release_goals
from bench.releases import measuring as releases
from bench.stage import FULL, QUICK, Extent, Stage, opened
from bench.targets import goals, measuring
from bench.world import plan
from controlplane import ControlPlaneError, programs

MEASUREMENTS = ("flips", "bursts", "answers", "idle")
TARGETS = "targets"
"""Zones carried by other servers: a part of its own, with a cluster of its own."""

RELEASES = "releases"
"""Switches, shares and what weights cost: another one."""

_PARTS = (*MEASUREMENTS, TARGETS, RELEASES)

_RESULTS = Path(__file__).with_name("results")
_EXIT_INTERRUPTED = 130

_POOL = plan("pool", 3, services=500, pods_each=2)
"""A thousand pods that are there during all measurements; the large burst is theirs."""

_SMALL_POOL = plan("small", 2, services=60, pods_each=5)


def main() -> int:
    """Return the exit code: 0 when everything chosen was measured, whether the goals are met or not."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, for a first impression")
    parser.add_argument(
        "--only",
        type=_chosen,
        default=MEASUREMENTS,
        metavar="WHAT[,WHAT]",
        help=f"some of {', '.join(MEASUREMENTS)} (all of them by default), {TARGETS}, {RELEASES}",
    )
    parser.add_argument("--rollcall-only", action="store_true", help="without CoreDNS and its controller")
    options = parser.parse_args()
    try:
        results = _measure(options.only, QUICK if options.quick else FULL, options.rollcall_only)
    except KeyboardInterrupt:
        say("interrupted; what was started is ended")
        return _EXIT_INTERRUPTED
    except ControlPlaneError as error:
        say(f"failed: {error}")
        return 1
    _report(results)
    return 1 if results["failed"] else 0


def _measure(only: tuple[str, ...], extent: Extent, rollcall_only: bool) -> dict[str, Any]:
    results: dict[str, Any] = {
        "began": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": extent is QUICK,
        "machine": machine.facts(),
        "versions": {name: programs.version(name) for name in ("kube-apiserver", "etcd", "coredns")},
        "load_average_before": machine.load_average(),
        "other_work": {"before": round(machine.other_work_now(), 3)},
        "failed": {},
    }
    if results["other_work"]["before"] > machine.BUSY_SHARE:
        say("WARNING: other work is running on this machine, and the figures will be those of a busy one")
    if set(MEASUREMENTS) & set(only):
        _measure_answers(only, extent, rollcall_only, results)
    if TARGETS in only:
        results[TARGETS] = measuring.measure(extent, results["other_work"], results["failed"])
    if RELEASES in only:
        results[RELEASES] = releases.measure(extent, results["other_work"], results["failed"])
    results["load_average_after"] = machine.load_average()
    return results


def _measure_answers(
    only: tuple[str, ...], extent: Extent, rollcall_only: bool, results: dict[str, Any]
) -> None:
    with opened(extent, rollcall_only=rollcall_only) as stage:
        with_pool = bool({"bursts", "idle"} & set(only))
        with stage.fleet(_POOL) if with_pool else nullcontext():
            for name, measure in _steps(only, stage):
                others = machine.OthersMeter()
                try:
                    results[name] = measure()
                except ControlPlaneError as error:
                    say(f"{name} failed: {error}")
                    results["failed"][name] = str(error)
                results["other_work"][name] = round(others.share(), 3)


def _steps(only: tuple[str, ...], stage: Stage) -> list[tuple[str, Callable[[], dict[str, Any]]]]:
    def small_burst() -> dict[str, Any]:
        with stage.fleet(_SMALL_POOL) as fleet:
            return bursts.measure(stage, fleet)

    steps: dict[str, list[tuple[str, Callable[[], dict[str, Any]]]]] = {
        "flips": [("flips", lambda: flips.measure(stage))],
        "bursts": [
            ("burst-300", small_burst),
            ("burst-1000", lambda: bursts.measure(stage, _POOL)),
        ],
        "answers": [("answers", lambda: answers.measure(stage))],
        "idle": [("idle", lambda: idle.measure(stage))],
    }
    return [step for name in MEASUREMENTS if name in only for step in steps[name]]


def _report(results: dict[str, Any]) -> None:
    if rows := table.rows(results):
        results["table"] = table.as_json(rows)
        print(table.render(rows))
    if target_rows := goals.rows(results.get(TARGETS, {})):
        results["targets_table"] = goals.as_json(target_rows)
        print(goals.render(target_rows))
    if release_rows := release_goals.rows(results.get(RELEASES, {})):
        results["releases_table"] = release_goals.as_json(release_rows)
        print(release_goals.render(release_rows))
    before, after = results["load_average_before"], results["load_average_after"]
    print(f"\n{results['machine']['cores']} cores; load average {before} before, {after} after")
    busy = {name: share for name, share in results["other_work"].items() if share > machine.BUSY_SHARE}
    if busy:
        shares = ", ".join(f"{name} {share:.0%}" for name, share in busy.items())
        print(f"BUSY: other work had this share of the machine, so these figures are too slow: {shares}")
    _RESULTS.mkdir(exist_ok=True)
    file = _RESULTS / f"{results['began'].replace(':', '').replace('+0000', 'Z')}.json"
    file.write_text(json.dumps(results, indent=1) + "\n")
    print(f"all figures: {file}")


def _chosen(text: str) -> tuple[str, ...]:
    chosen = tuple(text.split(","))
    for each in chosen:
        if each not in _PARTS:
            raise argparse.ArgumentTypeError(f"{each!r} is not one of {', '.join(_PARTS)}")
    return chosen


if __name__ == "__main__":
    sys.exit(main())
