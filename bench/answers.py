"""Answers for each second of CPU time, and for each second of the clock: dnsperf on one server at a time."""

import contextlib
import random
import re
import shutil
import socket
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bench.peers import Peer
from bench.processes import cpu_seconds
from bench.progress import say
from bench.questions import question
from bench.stage import Stage
from bench.world import plan
from controlplane import ControlPlaneError

SERVICES, PODS_EACH = 20, 10

STEADY_RATE = 10_000
"""Queries a second of the second kind of run. A server that has less to do wakes up for fewer queries at a
time, so that each costs it more: what it does for a CPU second when saturated is its best case."""

_CLIENTS = 16
"""Sockets of dnsperf: the kernel deals them out to the workers of a server."""

COOKIES = 5_000
"""So many clients, each with a cookie of its own, ask before the run with cookies: whatever a server learns
from them, it has learned by then."""

_COOKIE = struct.Struct(">HHH8s")  # the length of all options; code, length and data of the one (RFC 7873)
_COOKIE_OPTION = 10
_TAKEN_SECONDS = 2.0

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
        cookies: dict[str, list[dict[str, float]]] = {peer.name: [] for peer in stage.peers}
        for number in range(stage.extent.answer_runs):
            for peer in stage.peers:
                say(f"dnsperf on {peer.name}, {stage.extent.answer_seconds} s")
                questions = stage.plane.folder / "dnsperf.txt"
                names = [peer.domain_name(service) for service in fleet.services]
                write_questions(questions, names, number)
                runs[peer.name].append(run(program, peer, questions, stage.extent.answer_seconds))
                steady[peer.name].append(
                    run(program, peer, questions, stage.extent.answer_seconds, ("-Q", str(STEADY_RATE)))
                )
                ask_with_cookies(peer, names[0], random.Random(number))
                option = f"{_COOKIE_OPTION}:{number:016x}"
                cookies[peer.name].append(
                    run(program, peer, questions, stage.extent.answer_seconds, ("-E", option))
                )
    return {
        name: {
            "answers_a_cpu_second": median(run["answers_a_cpu_second"] for run in each),
            "answers_a_second": median(run["answers_a_second"] for run in each),
            "answers_a_cpu_second_steady": median(run["answers_a_cpu_second"] for run in steady[name]),
            "with_cookies_percent": median(
                100 * with_cookies["answers_a_cpu_second"] / run["answers_a_cpu_second"]
                for with_cookies, run in zip(cookies[name], each, strict=True)
            ),
            "runs": each,
            "steady_runs": steady[name],
            "cookie_runs": cookies[name],
        }
        for name, each in runs.items()
    }


def with_cookie(query: bytes, cookie: bytes) -> bytes:
    """Put a client cookie into a query that ends in an OPT record without options (RFC 7873 section 4)."""
    option = _COOKIE.pack(_COOKIE.size - 2, _COOKIE_OPTION, len(cookie), cookie)
    return query[:-2] + option


def ask_with_cookies(peer: Peer, name: str, rng: random.Random) -> None:
    """Ask for a name with COOKIES different cookies, over the sockets that all workers of a server get."""
    query = question(name)
    with contextlib.ExitStack() as stack:
        sockets = []
        for _ in range(_CLIENTS):
            sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sock.settimeout(_TAKEN_SECONDS)
            sock.connect(("127.0.0.1", peer.port))
            sockets.append(sock)
        for number in range(COOKIES):
            sock = sockets[number % _CLIENTS]
            sock.send(with_cookie(query, rng.randbytes(8)))
            sock.recv(4096)


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
