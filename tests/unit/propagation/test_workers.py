"""How far the DNS workers are, and who is told of it."""

import pytest

from rollcall.directory import Directory
from rollcall.model import Key
from rollcall.propagation.listener import Listener
from rollcall.propagation.tracker import Tracker
from rollcall.zone import Installation, Zones

POD = Key("shop", "web-0")


class WorkerPair(Listener):
    """Two workers are wanted. `arrivals` is what statuses hear of, `progress` what waiters do."""

    def __init__(self):
        directory = Directory()
        self.tracker = Tracker(directory, Zones(directory, Installation("test")), 2, lambda: 0.0)
        self.workers = self.tracker.workers
        self.tracker.listeners = (self,)
        self.arrivals = self.progress = 0

    def on_arrival(self, arrival, at):
        self.arrivals += 1

    def on_progress(self):
        self.progress += 1

    def start(self, version):
        self.tracker.start(version)

    @property
    def is_everywhere(self):
        """Whether what was published at the start is answered by all."""
        return self.tracker.arrived_at(self.tracker.turn_of(POD), 0.0) is not None


@pytest.fixture
def pair():
    return WorkerPair()


def test_a_version_is_everywhere_once_all_have_it(pair):
    pair.start(5)
    for number in (0, 1):
        pair.tracker.on_connected(number, True)
    assert pair.workers.why_not_connected() == ""
    pair.tracker.on_acknowledged(0, 5, 1.0)
    assert pair.workers.why_not_fed() == "1 of 2 DNS workers have the current state"
    assert pair.progress == 0
    pair.tracker.on_acknowledged(1, 4, 1.0)
    assert pair.workers.why_not_fed() == ""
    assert pair.progress == 1
    assert not pair.is_everywhere
    pair.tracker.on_acknowledged(1, 5, 2.0)
    assert pair.progress == 2
    assert pair.is_everywhere


def test_nothing_is_everywhere_while_a_worker_starts(pair):
    """Of those that are there everyone has it, but one answers from a snapshot."""
    pair.start(5)
    pair.tracker.on_connected(0, True)
    pair.tracker.on_acknowledged(0, 5, 1.0)
    assert pair.arrivals == 1
    assert pair.progress == 0
    assert not pair.is_everywhere
    assert pair.workers.why_not_connected() == "1 of 2 DNS workers run"
