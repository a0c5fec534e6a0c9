"""What every measurement works with: the API server, the servers that are compared, and how long to take."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from bench import peers
from bench.observer import Observer, acknowledgements
from bench.peers import Peer
from bench.processes import settle
from bench.progress import say
from bench.world import Fleet, made
from bench.writer import Writer
from controlplane import ControlPlane


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured."""

    flips: int = 300
    burst_rounds: int = 2
    answer_runs: int = 3
    answer_seconds: int = 6
    idle_seconds: float = 30.0
    switches: int = 60
    even_answers: int = 1_000_000
    cost_rounds: int = 8
    cost_seconds: int = 4


FULL = Extent()
QUICK = Extent(
    flips=60,
    burst_rounds=1,
    answer_runs=1,
    answer_seconds=3,
    idle_seconds=10.0,
    switches=15,
    even_answers=100_000,
    cost_rounds=3,
    cost_seconds=3,
)


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that runs during the bench. Rollcall is the first peer, and may be the only one."""

    plane: ControlPlane
    writer: Writer
    observers: Sequence[Observer]
    extent: Extent

    @property
    def peers(self) -> list[Peer]:
        """The servers that are compared."""
        return [observer.peer for observer in self.observers]

    @contextmanager
    def fleet(self, planned: Fleet) -> Iterator[Fleet]:
        """Make a fleet, wait until all servers answer all of it and are at rest; remove it after."""
        with made(self.plane.workloads, planned) as fleet:
            self.wait_ready(fleet)
            self.settle()
            yield fleet

    def wait_ready(self, fleet: Fleet) -> None:
        """Wait until all servers answer all pods of a fleet."""
        for observer in self.observers:
            observer.wait_ready(fleet.services)

    def settle(self) -> None:
        """Wait until what follows from earlier writes (status, EndpointSlices) is done."""
        if not settle([pid for peer in self.peers for pid in peer.pids]):
            say("the servers did not come to rest in time: the next figures are those of a busy system")


@contextmanager
def opened(extent: Extent, *, rollcall_only: bool) -> Iterator[Stage]:
    """Start the control plane, the servers and their pollers; end all of it after."""
    with ExitStack() as stack:
        plane = stack.enter_context(ControlPlane())
        plane.workloads.make_node()
        started = [stack.enter_context(peers.rollcall(plane))]
        if not rollcall_only:
            started.append(stack.enter_context(peers.coredns(plane)))
        written = acknowledgements()
        writer = stack.enter_context(Writer(plane, written))
        observers = [stack.enter_context(Observer(peer, written)) for peer in started]
        yield Stage(plane, writer, observers, extent)
