"""Clients of two DNS servers, while one side takes the place of the other."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import NamedTuple

from api.publication_gate.client import DiscoveryClient
from api.publication_gate.rollout import Rollout
from api.publication_gate.stage import Stage
from nameservers import data
from rollcall_process import Rollcall
from waiting import eventually


class Clients(NamedTuple):
    """One asks the server that Rollcall updates, the other one Rollcall itself. `old` are addresses."""

    bind: DiscoveryClient
    rollcall: DiscoveryClient
    old: frozenset[str]

    def wait_found(self, pods: set[str]) -> None:
        """Wait until both have reached all of these pods."""
        eventually(lambda: pods <= self.bind.reached & self.rollcall.reached, "all new pods are found")

    @property
    def answered(self) -> list[str]:
        """Whose addresses the answers of the other server held, one after the other, repetitions left out."""
        return [side for side, _ in groupby(self._side(answer) for answer in self.bind.answers)]

    def check(self, new: dict[str, str]) -> None:
        """Check that none saw a failure or both sides at once, and the one server one switch."""
        assert self.bind.failures == self.rollcall.failures == []
        addresses = set(new.values())
        # Of two DNS workers one switches some microseconds before the other.
        assert all(answer <= self.old or answer <= addresses for answer in self.rollcall.answers)
        assert all(answer <= self.old or answer <= addresses for answer in self.bind.answers)
        assert self.answered == ["old", "new"]

    def _side(self, answer: frozenset[str]) -> str:
        return "old" if answer & self.old else "new"


@contextmanager
def clients(rollout: Rollout, stage: Stage, rollcall: Rollcall) -> Iterator[Clients]:
    """Have clients look around all the while, from when all pods are answered."""
    old = frozenset(rollout.kubelet.serving.values())
    eventually(lambda: data(stage.bind, stage.name, "A") == old, "the old pods are answered")
    with (
        DiscoveryClient(stage.bind.port, stage.name, rollout.port) as bind,
        DiscoveryClient(rollcall.ports["dns"], stage.name, rollout.port) as other,
    ):
        eventually(lambda: bind.answers and other.answers, "they have begun")
        yield Clients(bind, other, old)


@contextmanager
def switching(rollout: Rollout, stage: Stage, rollcall: Rollcall) -> Iterator[Clients]:
    """Have clients look around from when the release that follows the roll-out is in force."""
    rollout.wait_released()
    with clients(rollout, stage, rollcall) as both:
        yield both
