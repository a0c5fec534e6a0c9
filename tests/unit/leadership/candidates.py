"""Replicas that take part in an election, and a witness who sees whether two of them ever lead at once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from rollcall.kube.backoff import Uniform, uniform
from rollcall.leadership.elector import Elector
from rollcall.model.lease_times import LeaseTimes
from unit.leadership.lease_server import LeaseClient, LeaseServer


@dataclass
class Witness:
    """`terms` are who led, and in which epoch, in the order in which they began; `wrong` what must not be."""

    at_work: set[str] = field(default_factory=set)
    terms: list[tuple[str, int]] = field(default_factory=list)
    candidates: "list[Candidate]" = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def begins(self, name: str, epoch: int) -> None:
        if self.at_work:
            self.wrong.append(f"{name} begins while {self.at_work} is at work")
        if any(epoch <= before for _, before in self.terms):
            self.wrong.append(f"the epoch {epoch} of {name} is not above {self.terms}")
        self.at_work.add(name)
        self.terms.append((name, epoch))
        self.look()

    def look(self) -> None:
        leaders = [each.name for each in self.candidates if each.elector.leading]
        if len(leaders) > 1:
            self.wrong.append(f"{leaders} lead at once")


class Candidate:
    """A replica.

    `slept_seconds` is how far its clock is ahead: its machine slept. `ending_seconds` is how long what it
    does as a leader takes to end; it breaks when `breaks` is set.
    """

    def __init__(self, server: LeaseServer, name: str, witness: Witness, draw: Uniform) -> None:
        self.name = name
        self.client = LeaseClient(server)
        self.slept_seconds = 0.0
        self.ending_seconds = 0.0
        self.breaks = asyncio.Event()
        self._witness = witness
        self._stack = contextlib.AsyncExitStack()
        clock = asyncio.get_running_loop().time
        self.elector = Elector(
            self.client,
            "rollcall-system",
            "rollcall",
            name,
            self._lead,
            LeaseTimes(),
            clock=lambda: clock() + self.slept_seconds,
            draw=draw,
        )
        witness.candidates.append(self)

    @property
    def leads(self) -> bool:
        """Whether it leads, and is at it."""
        return self.elector.leading and self.name in self._witness.at_work

    async def start(self) -> None:
        await self._stack.enter_async_context(_beside(self.elector))

    async def stop(self) -> None:
        await self._stack.aclose()

    async def _lead(self, epoch: int) -> None:
        self._witness.begins(self.name, epoch)
        try:
            while not self.breaks.is_set():
                self._witness.look()
                await asyncio.sleep(0.25)
            raise RuntimeError("a defect")
        finally:
            self.breaks.clear()
            try:
                await asyncio.sleep(self.ending_seconds)
            finally:  # what broke may be told to end while it is at it
                self._witness.at_work.remove(self.name)


@contextlib.asynccontextmanager
async def _beside(elector: Elector) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(elector.run())
        yield
        task.cancel()


@contextlib.asynccontextmanager
async def candidates(
    server: LeaseServer, *names: str, draw: Uniform = uniform
) -> AsyncIterator[tuple[Witness, list[Candidate]]]:
    """Start candidates one after the other, a tenth of a second apart; at the end nothing was wrong."""
    witness = Witness()
    started = [Candidate(server, name, witness, draw) for name in names]
    try:
        for each in started:
            await each.start()
            await asyncio.sleep(0.1)
        yield witness, started
    finally:
        for each in started:
            await each.stop()
    assert witness.wrong == []
