"""Releases at other servers: what each of them has, and that no version of it ever mixes two sides.

A BIND that takes updates, and a Knot that is a secondary.
"""

import contextlib
import functools
import itertools
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from api.targets.stage import Stage, staged
from api.targets.versions import Version, replayed, versions
from api.test_operator import status
from controlplane import ControlPlane
from controlplane import path as api_path
from controlplane.client import MERGE
from nameservers import DOMAIN, Bind, Knot, Nameserver, data, serial, serving
from rollcall_process import Rollcall
from waiting import eventually

SWITCHES = 6


class Side(NamedTuple):
    """The pods of a version."""

    version: str
    network: int
    pods: int

    @property
    def ipv4(self) -> set[str]:
        return {f"10.0.{self.network}.{number}" for number in range(1, self.pods + 1)}

    @property
    def ipv6(self) -> set[str]:
        return {f"fd00:{self.network}::{number}" for number in range(1, self.pods + 1)}

    def make(self, stage: Stage) -> None:
        for number in range(1, self.pods + 1):
            stage.plane.workloads.make_pod(
                stage.namespace,
                f"{self.version}-{number}",
                ip=[f"10.0.{self.network}.{number}", f"fd00:{self.network}::{number}"],
                labels={"app": "web", "version": self.version},
                ports=[("http", 8080)],
            )

    def listed(self, addresses: set[str]) -> int:
        """Count those of its pods that are in a set of addresses, of either family."""
        return len(addresses & (self.ipv4 | self.ipv6))


STABLE = Side("v1", 11, 3)
CANARY = Side("v2", 12, 2)
BLUE = Side("blue", 13, 4)
GREEN = Side("green", 14, 3)


class Servers(NamedTuple):
    """Where the zone goes to, and where it comes from."""

    rollcall: Rollcall
    bind: Bind
    knot: Knot

    @property
    def transfers(self) -> tuple[str, int]:
        """Where Rollcall serves transfers."""
        return "127.0.0.1", self.rollcall.ports["transfers"]


@pytest.fixture
def stage(cluster: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Stage]:
    with staged(cluster, namespace, tmp_path, versions=[]) as made:
        yield made


@contextlib.contextmanager
def running(stage: Stage, folder: Path, *sides: Side) -> Iterator[Servers]:
    """Run Rollcall, a BIND and a Knot, until both have all pods."""
    for side in sides:
        side.make(stage)
    stage.zone()  # the port is known once Rollcall listens on it
    with stage.rollcall("--transfer-listen=127.0.0.1:0") as rollcall:
        primary = ("127.0.0.1", rollcall.ports["transfers"])
        bind, knot = Bind.primary(folder / "bind"), Knot.secondary(folder / "knot", primary)
        with serving(bind), serving(knot):
            secondary = {
                "name": "knot",
                "address": knot.address,
                "port": knot.port,
                "keySecret": "example-key",
            }
            stage.zone(updates=[stage.update("bind", bind)], transfer={"secondaries": [secondary]})
            everybody = set().union(*(side.ipv4 for side in sides))
            for server in (bind, knot):
                wait_data(server, stage.name, "A", everybody)
            stage.wait_current("bind", "knot")
            yield Servers(rollcall, bind, knot)


def wait_data(server: Nameserver, name: str, rdtype: str, expected: set[str]) -> None:
    eventually(lambda: data(server, name, rdtype) == expected, f"{expected} at {server.program}")


def release(stage: Stage, ask: object) -> None:
    """Ask for a release, and wait until it is in force and every target has it."""
    target = api_path("rollcall.dev/v1alpha1", "serviceinstances", stage.namespace, "web")
    eventually(lambda: status(stage.plane, "si", "web", stage.namespace), "its object")
    stage.plane.client.patch(target, {"spec": {"release": ask}}, MERGE)
    stage.plane.kubectl("wait", "--for=condition=Released", "--timeout=60s", "si/web", "-n", stage.namespace)


def wait_for(stage: Stage, *command: str) -> None:
    """Run a command of `rollcall release` that waits until every target has what is asked for then."""
    program = [sys.executable, "-m", "rollcall.cli", "release"]
    arguments = [*command, "-n", stage.namespace, "--wait", f"--kubeconfig={stage.plane.kubeconfig}"]
    done = subprocess.run([*program, *arguments], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("choice", "counts"),
    [
        ("all", {25: (3, 2), 50: (3, 2), 10: (3, 2)}),
        ("stable-only", {25: (3, 0), 50: (3, 0), 10: (3, 0)}),
        ("by-count", {25: (3, 1), 50: (2, 2), 10: (3, 0)}),
    ],
)
def test_sets_of_addresses_are_what_is_chosen_and_srv_records_carry_the_weight(
    stage: Stage, tmp_path: Path, choice: str, counts: dict[int, tuple[int, int]]
) -> None:
    """The set of a service has so many addresses of each side; SRV records are there for all, by weight."""
    with running(stage, tmp_path, STABLE, CANARY) as servers:
        ask = {"stable": "v1", "canary": "v2", "unweightedTargets": choice}
        release(stage, {"canary": ask})
        for weight, expected in counts.items():
            wait_for(stage, "weight", "web", str(weight))
            for server in (servers.bind, servers.knot):
                _check(stage, servers, server, weight, expected)


def _check(
    stage: Stage, servers: Servers, server: Nameserver, weight: int, expected: tuple[int, int]
) -> None:
    ipv4, ipv6 = data(server, stage.name, "A"), data(server, stage.name, "AAAA")
    for addresses in (ipv4, ipv6):
        assert (STABLE.listed(addresses), CANARY.listed(addresses)) == expected, (server.program, weight)
    assert {each.rpartition(".")[2] for each in ipv4 & STABLE.ipv4} == {
        each.rpartition(":")[2] for each in ipv6 & STABLE.ipv6
    }, "the same pods in both families"
    srv = f"_http._tcp.{stage.name}"
    found = data(server, srv, "SRV")
    assert found == servers.rollcall.answers(srv, "SRV")
    weights = {line.split()[3]: int(line.split()[1]) for line in found}
    assert len(weights) == STABLE.pods + CANARY.pods
    assert min(weights.values()) > 0
    of_canary = sum(value for name, value in weights.items() if name.startswith("10-0-12-"))
    assert 100 * of_canary / sum(weights.values()) == pytest.approx(weight, abs=0.01)
    assert data(server, f"v2.versions.{stage.name}", "A") == CANARY.ipv4, "by its own name, all of it"


def test_a_switch_is_one_version_of_the_zone_and_no_version_mixes_the_sides(
    stage: Stage, tmp_path: Path
) -> None:
    """By what Knot has logged of its transfers, and by BIND's journal, which has each update by itself."""
    with running(stage, tmp_path, BLUE, GREEN) as servers:
        bind, knot = servers.bind, servers.knot
        release(stage, {"blueGreen": {"active": "blue"}})
        wait_for(stage, "switch", "web", "blue")
        messages = servers.rollcall.metric("rollcall_update_messages_total")
        turns = itertools.islice(itertools.cycle([GREEN, BLUE]), SWITCHES)
        for number, (before, side) in enumerate(itertools.pairwise([BLUE, *turns]), 1):
            in_bind, in_knot = _serial(bind), _serial(knot)
            wait_for(stage, "switch", "web", side.version)
            for server in (bind, knot):
                assert data(server, stage.name, "A") == side.ipv4
                assert data(server, stage.name, "AAAA") == side.ipv6

            sent = messages + number
            eventually(functools.partial(_has_sent, servers.rollcall, sent), "an update for each switch")
            assert _serial(bind) == in_bind + 1
            _check_sides(stage, versions((bind.address, bind.port), DOMAIN, in_bind), before, side)

            eventually(functools.partial(_has_logged, knot, in_knot, _serial(knot)), "one transfer to Knot")
            _check_sides(stage, versions(servers.transfers, DOMAIN, in_knot), before, side)


def _has_sent(rollcall: Rollcall, messages: float) -> bool:
    """Whether the page of metrics, which may be a moment old, counts so many messages of updates."""
    return rollcall.metric("rollcall_update_messages_total") == messages


def _has_logged(knot: Knot, old: int, new: int) -> bool:
    return (old, new) in _transfers(knot)


def _transfers(knot: Knot) -> list[tuple[int, int]]:
    """Return the serials from which to which Knot has brought the zone."""
    found = re.findall(r"zone updated, .*serial (\d+) -> (\d+)", knot.log)
    return [(int(old), int(new)) for old, new in found]


def _serial(server: Nameserver) -> int:
    found = serial(server, DOMAIN)
    assert found is not None, server.log
    return found


def _check_sides(stage: Stage, found: list[Version], before: Side, after: Side) -> None:
    """Check that there is one version since, and that it holds the other side and nothing else."""
    ipv4 = list(replayed(found, stage.name, "A", before.ipv4))
    ipv6 = list(replayed(found, stage.name, "AAAA", before.ipv6))
    assert (ipv4, ipv6) == ([after.ipv4], [after.ipv6])
