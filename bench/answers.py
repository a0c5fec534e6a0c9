"""Answers for each second of CPU time, and for each second of the clock: dnsperf on one server at a time."""

import random
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bench.peers import Peer
from bench.processes import cpu_seconds
from bench.progress import say
from bench.stage import Stage
from bench.world import plan
from controlplane import ControlPlaneError

SERVICES, PODS_EACH = 20, 10

STEADY_RATE = 10_000
"""Queries a second of the second kind of run. A server that has less to do wakes up for fewer queries at a
time, so that each costs it more: what it does for a CPU second when saturated is its best case."""

_CLIENTS = 16
"""Sockets of dnsperf: the kernel deals them out to the workers of a server."""

_FIGURES = {
    "answers": re.compile(r"Queries completed:\s+(\d+)"),
    "lost": re.compile(r"Queries lost:\s+(\d+)"),
    "noerror": re.compile(r"Response codes:.*?NOERROR (\d+)"),
    "bytes": re.compile(r"Average packet size:.*response (\d+)"),
    "seconds": re.compile(r"Run time \(s\):\s+([\d.]+)"),
}


def measure(stage: Stage) -> dict[str, Any]:
    """Measure all servers in turn; a dict by server. Raises ControlPlaneError without dnsperf."""
    program = dnsperf()
    with stage.fleet(plan("answers", 4, SERVICES, PODS_EACH)) as fleet:
        runs: dict[str, list[dict[str, float]]] = {peer.name: [] for peer in stage.peers}
        steady: dict[str, list[dict[str, float]]] = {peer.name: [] for peer in stage.peers}
        for number in range(stage.extent.answer_runs):
            for peer in stage.peers:
                say(f"dnsperf on {peer.name}, {stage.extent.answer_seconds} s")
                questions = stage.plane.folder / "dnsperf.txt"
                write_questions(questions, [peer.domain_name(service) for service in fleet.services], number)
                runs[peer.name].append(run(program, peer, questions, stage.extent.answer_seconds))
                steady[peer.name].append(
                    run(program, peer, questions, stage.extent.answer_seconds, ("-Q", str(STEADY_RATE)))
                )
    return {
        name: {
            "answers_a_cpu_second": median(run["answers_a_cpu_second"] for run in each),
            "answers_a_second": median(run["answers_a_second"] for run in each),
            "answers_a_cpu_second_steady": median(run["answers_a_cpu_second"] for run in steady[name]),
            "runs": each,
            "steady_runs": steady[name],
        }
        for name, each in runs.items()
    }


def parse(report: str) -> dict[str, float]:
    """Read what dnsperf prints. Raises ControlPlaneError for an answer that is no NOERROR."""
    found = {key: pattern.search(report) for key, pattern in _FIGURES.items()}
    if missing := [key for key, match in found.items() if match is None]:
        raise ControlPlaneError(f"dnsperf's report lacks {', '.join(missing)}: {report[-500:]}")
    figures = {key: float(match[1]) for key, match in found.items() if match}
    if figures["noerror"] != figures["answers"]:
        raise ControlPlaneError(f"not all answers are NOERROR: {report[-500:]}")
    return figures


def dnsperf() -> str:
    """Find the program. Raises ControlPlaneError where it is missing."""
    program = shutil.which("dnsperf")
    if program is None:
        raise ControlPlaneError("dnsperf is missing: install the Debian package dnsperf")
    return program


def write_questions(file: Path, names: Sequence[str], seed: int, rdtype: str = "A") -> None:
    """Write the names, in random order, that dnsperf asks for over and over."""
    repeated = [name for name in names for _ in range(50)]
    random.Random(seed).shuffle(repeated)
    file.write_text("".join(f"{name} {rdtype}\n" for name in repeated))


def run(
    program: str, peer: Peer, questions: Path, seconds: int, more: Sequence[str] = ()
) -> dict[str, float]:
    """Let dnsperf ask one server. Raises ControlPlaneError for an answer that is no NOERROR."""
    command = [program, "-s", "127.0.0.1", "-p", str(peer.port), "-d", str(questions)]
    command += ["-e", "-l", str(seconds), "-c", str(_CLIENTS), "-T", "1", *more]
    pids, others = peer.serving_pids, sorted(set(peer.pids) - set(peer.serving_pids))
    used, used_by_others = cpu_seconds(pids), cpu_seconds(others)
    report = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 30).stdout
    used, used_by_others = cpu_seconds(pids) - used, cpu_seconds(others) - used_by_others
    figures = parse(report)
    return {
        "answers_a_cpu_second": figures["answers"] / used,
        "answers_a_second": figures["answers"] / figures["seconds"],
        "server_cpu_seconds": used,
        "other_cpu_seconds": used_by_others,
        "lost": figures["lost"],
        "answer_bytes": figures["bytes"],
    }
