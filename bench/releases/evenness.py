"""Whether addresses of equal weight are drawn evenly: each as often first, and as often in an answer."""

import time
from typing import Any

from bench.progress import say
from bench.questions import question
from bench.releases.chi_square import chance_of_first_places, chance_of_membership
from bench.releases.flood import Tally, ask
from bench.releases.versions import Versioned, lay_out, made, wait_answered
from bench.stage import Stage

COUNT = 8
NUMBERS = (10, 100, 200)
"""Of pods. Rollcall keeps sets of up to 128 shuffled; of larger ones it draws each answer by itself."""


def measure(stage: Stage) -> dict[str, Any]:
    """Measure each number of pods; a dict by number."""
    services = lay_out("evenness", 13, {f"of-{number}": ({"v1": number}, {}) for number in NUMBERS})
    with made(stage, services):
        wait_answered(stage, [service.answering("v1") for service in services])
        return {str(len(service.pods["v1"])): _measure(stage, service) for service in services}


def _measure(stage: Stage, service: Versioned) -> dict[str, Any]:
    number, pods = stage.extent.even_answers, service.pods["v1"]
    say(f"{number:,} answers with {COUNT} of {len(pods)} addresses")
    query = question(stage.peers[0].domain_name(service.answering("v1")))
    tally = Tally(query, COUNT)
    began = time.monotonic()
    lost = ask(stage.peers[0].port, query, number, tally)
    seconds = time.monotonic() - began
    firsts = [tally.firsts[pod.packed] for pod in pods]
    members = [tally.members[pod.packed] for pod in pods]
    return {
        "first_places_p": chance_of_first_places(firsts),
        "membership_p": chance_of_membership(members, COUNT),
        "repeated": tally.repeated,
        "wrong": tally.odd + lost + sum(tally.members.values()) - sum(members),
        "answers": tally.answers,
        "seconds": seconds,
        "firsts": firsts,
        "members": members,
    }
