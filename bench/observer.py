"""Our side of the pollers: what they are to wait for, and what they saw."""

from collections.abc import Sequence

from bench import poller
from bench.board import Acknowledgements, Sightings
from bench.companion import SPAWN, Companion
from bench.peers import Peer
from bench.poller import Armed, Done, Expected, Task
from bench.questions import question
from bench.world import Pod, Service
from controlplane import ControlPlaneError

_SLACK_SECONDS = 10.0


def acknowledgements() -> Acknowledgements:
    """Make the board that the writer and all pollers share."""
    return Acknowledgements(SPAWN)


class Observer(Companion):
    """The poller of one server; a context manager."""

    def __init__(self, peer: Peer, written: Acknowledgements) -> None:
        self.peer = peer
        self._written = written
        self._sightings = Sightings(SPAWN)
        self._timeout_seconds = 0.0
        super().__init__(f"poller of {peer.name}", poller.main, peer.port, written, self._sightings)

    def begin(
        self,
        services: Sequence[Service],
        unready: frozenset[Pod] = frozenset(),
        *,
        eager: bool,
        queries_a_second: int,
        timeout_seconds: float,
    ) -> None:
        """Let the poller wait for these services, where all pods but `unready` are to be in the answers.

        With `eager`, returns when the first answer is there, so that no change is missed from then on.
        Otherwise a service is asked for when a write to one of its pods has been acknowledged.
        """
        self._sightings.clear()
        self._timeout_seconds = timeout_seconds
        expected = tuple(
            Expected(
                question(self.peer.domain_name(service)),
                tuple((pod.slot, pod.packed, pod not in unready) for pod in service.pods),
            )
            for service in services
        )
        self.tell(Task(expected, eager, 1_000_000_000 // queries_a_second, timeout_seconds))
        if eager and not isinstance(self._next(), Armed):
            raise ControlPlaneError(f"{self.peer.name} gave no answer in {timeout_seconds:.0f} s")

    def end(self) -> Done:
        """Wait until the poller has seen everything, or its time is over."""
        done = self._next()
        assert isinstance(done, Done)
        return done

    def wait_ready(self, services: Sequence[Service], timeout_seconds: float = 180.0) -> None:
        """Wait until every pod of these services is in the answers. Raises ControlPlaneError."""
        self.begin(services, eager=True, queries_a_second=1_000, timeout_seconds=timeout_seconds)
        if missing := self.end().missing:
            raise ControlPlaneError(
                f"{self.peer.name}: {missing} pods were not in its answers after {timeout_seconds:.0f} s"
            )

    def delays_ns(self, pods: Sequence[Pod]) -> list[int]:
        """Return how long after its acknowledgement each pod was seen in its new state, if it was at all.

        Below 0 where the answer was quicker than the acknowledgement.
        """
        return [
            seen - self._written.times[pod.slot] for pod in pods if (seen := self._sightings.seen[pod.slot])
        ]

    def resolutions_ns(self, pods: Sequence[Pod]) -> list[int]:
        """Return for how long each pod was not looked at before it was seen."""
        return [
            seen - max(self._sightings.before[pod.slot], self._written.times[pod.slot])
            for pod in pods
            if (seen := self._sightings.seen[pod.slot])
        ]

    def _next(self) -> Armed | Done:
        message: Armed | Done = self.answer(self._timeout_seconds + _SLACK_SECONDS)
        return message
