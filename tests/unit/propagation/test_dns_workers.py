"""How far the DNS workers are, and who is told of it."""

import pytest

from rollcall.metrics import Metrics
from rollcall.propagation.dns_workers import DnsWorkers


class World:
    """Two workers are wanted. `reported` and `turned` are the versions that status and turns heard of."""

    def __init__(self):
        self.reported = []
        self.turned = []
        self.workers = DnsWorkers(2, Metrics(), self, Turns(self.turned))

    def served(self, version):
        self.reported.append(version)


class Turns:
    def __init__(self, turned):
        self.served = turned.append


@pytest.fixture
def world():
    return World()


def test_a_version_is_served_once_all_have_it(world):
    for number in (0, 1):
        world.workers.on_connected(number, True)
    assert world.workers.why_not_connected() == ""
    world.workers.on_acknowledged(0, 5, 1.0)
    assert world.workers.why_not_fed() == "1 of 2 DNS workers have the current state"
    assert world.turned == []
    world.workers.on_acknowledged(1, 4, 1.0)
    assert world.workers.why_not_fed() == ""
    assert world.turned == [4]
    world.workers.on_acknowledged(1, 5, 2.0)
    assert world.turned == [4, 5]


def test_no_turn_is_over_while_a_worker_starts(world):
    """Of those that are there everyone has it, but one answers from a snapshot."""
    world.workers.on_connected(0, True)
    world.workers.on_acknowledged(0, 5, 1.0)
    assert world.reported == [5]
    assert world.turned == []
    assert world.workers.why_not_connected() == "1 of 2 DNS workers run"
