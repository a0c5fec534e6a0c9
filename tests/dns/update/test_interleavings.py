"""A hundred orders in which two and three writers read and write; a thousand where it is to be thorough.

A writer may stop before it reads, between that and its write, before it sees the answer; its message may be
lost, arrive after others have written, or take effect without its knowing; it may end and begin again. After
each message that reached the server, its markers are read by somebody else. Half of it goes without a Lease:
every writer believes that it leads, always.

What a seed decides is the same again in each run; a failure names the seed and what was done.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from random import Random

import pytest

from nameservers import Bind, Knot, Nameserver, PowerDNS, Records, Zone, records, serving
from rollcall.publish.update.readback import read_units
from rollcall.publish.update.server_state import data_of
from rollcall.zone.marker import Generation, parse
from rollcall.zone.names import from_text
from thorough import orders
from updates import Fence, Source, many, text_of
from updates.source import Address
from updates.writers import Fate, Waiting, Writer, deliver, gated, observer

ORDERS = {Bind: orders(220), Knot: orders(220), PowerDNS: orders(60)}
"""Without a Lease, and as many with one."""
AT_A_TIME = {Bind: 12, Knot: 12, PowerDNS: 2}
"""PowerDNS takes no more than 20 connections over TCP (`max-tcp-connections`): a writer has two."""
IN_A_ZONE = {Bind: 1, Knot: 1, PowerDNS: 10}
"""PowerDNS takes long to make a zone."""
MOST_REQUESTS = 1000
"""Until writers are done that see all changes: more would be a quarrel without end."""
SERVICES = ("web.shop", "api.shop", "db.ops", "app.shop")
"""The last one has a name that somebody else has."""
OTHERS = """\
{0} 300 TXT "made by hand"
printer.{0} 300 A 198.51.100.12
shop.{0} 300 TXT "made by hand"
app.shop.{0} 300 A 198.51.100.13
a-app.shop.{0} 300 TXT "heritage=external-dns,external-dns/owner=us,external-dns/resource=ingress/shop/app"
"""


class Election:
    """Who leads, and for the how manieth time somebody else does."""

    def __init__(self) -> None:
        self.holder = ""
        self.epoch = 0

    def elect(self, name: str) -> "Term":
        """Let another one lead; whoever did so before is told nothing."""
        self.holder = name
        self.epoch += 1
        return Term(self, name)


class Term:
    """A Fence: what a leader knows of the election."""

    def __init__(self, election: Election, name: str) -> None:
        self.epoch = election.epoch
        self.leading = True
        self._election = election
        self._name = name

    async def confirm(self) -> bool:
        await asyncio.sleep(0)
        self.leading = self._election.holder == self._name
        return self.leading

    async def raise_epoch(self, above: int) -> int:
        if self._election.holder != self._name:
            raise RuntimeError("does not lead")
        self._election.epoch = max(self._election.epoch, above + 1)
        self.epoch = self._election.epoch
        return self.epoch


class Interleaving:
    """Some writers of one domain, and what a seed makes of them."""

    def __init__(self, server: Nameserver, zone: str, seed: int, *, has_lease: bool) -> None:
        self.seed = seed
        self.domain = f"r{seed}.{zone}"
        self._zone = from_text(zone)
        self.done: list[str] = []
        self._server = server
        self._random = Random(seed)
        self._election = Election() if has_lease else None
        steps = list(self._steps())
        self._last = len(steps)
        self._writers = [
            Writer(f"writer {number}", server, Source(self.domain, self._serial()), steps)
            for number in range(self._random.choice((2, 3)))
        ]
        self.newest = Source(self.domain)
        for step in steps:
            step(self.newest)
        self._seen: dict[bytes, tuple[bytes, ...]] = {self.newest.root(name): () for name in SERVICES}
        self._newest_seen: dict[bytes, Generation] = {}

    async def run(self) -> None:
        """Go through it; end with a writer that has seen all changes."""
        random = self._random
        try:
            for writer in self._writers:
                writer.advance(random.randint(0, 2))
            for writer in self._writers if self._election is None else self._writers[:1]:
                await self._start(writer)
            for _ in range(random.randint(12, 24)):
                await self._act()
            await self._finish()
        finally:
            for writer in self._writers:
                await writer.stop()

    def _serial(self) -> int:
        """Return what a replica's serials start with: without a Lease they need not be the same."""
        return 1_000_000 + self._random.choice((0, 0, 1, 3600))

    def _steps(self) -> Iterator[Callable[[Source], None]]:
        random = self._random
        first = dict.fromkeys(SERVICES, many(2))
        yield partial(_change, first)
        for _ in range(random.randint(3, 6)):
            names = random.sample(SERVICES, random.choice((1, 1, 2)))
            if random.random() < 0.2:
                yield partial(_remove, names)
            else:
                changed = {name: random.sample(many(6), random.randint(1, 4)) for name in names}
                yield partial(_change, changed)

    async def _act(self) -> None:
        random, writers = self._random, self._writers
        active = [writer for writer in writers if writer.is_running]
        actions: list[Callable[[], Awaitable[None]]] = [lambda: self._go(random.choice(active))] * 9
        actions += [lambda: self._see(random.choice(writers))] * 3
        actions += [lambda: self._go_together(active)] * 2
        actions += [lambda: self._look_again(random.choice(active))]
        actions += [lambda: self._replace(random.choice(writers))] * 2
        if any(writer.gate.late for writer in writers):
            actions += [self._arrive_late] * 4
        await random.choice(actions)()

    async def _go(self, writer: Writer) -> None:
        """Let a writer do something."""
        for _ in range(self._random.randint(1, 8)):
            await writer.rest()
            if not writer.gate.waiting:
                return
            it = self._random.choice(_waiting(writer))
            fate = self._random.choices(list(Fate), (6, 1, 2, 1))[0] if it.kind == "update" else Fate.PASS
            await self._release(writer, it, fate)

    async def _go_together(self, active: list[Writer]) -> None:
        """Let all updates that are waiting go at once."""
        held = []
        for writer in active:
            await writer.rest()
            held += [(writer, it) for it in writer.gate.waiting if it.kind == "update"]
        for writer, it in held:
            self.done.append(f"{writer.name}: update at once")
            writer.gate.release(it)
        for writer, _ in held:
            await writer.rest()
        await self._observe([])

    async def _see(self, writer: Writer) -> None:
        """Let a writer hear of changes."""
        to = min(writer.at + self._random.randint(1, 2), self._last)
        self.done.append(f"{writer.name}: sees {to}")
        writer.advance(to)
        await writer.rest()

    async def _look_again(self, writer: Writer) -> None:
        self.done.append(f"{writer.name}: looks again")
        writer.repair()
        await writer.rest()

    async def _replace(self, writer: Writer) -> None:
        """Let a writer begin anew; with a Lease, it is elected, and others are told of it or not."""
        others = [other for other in self._writers if other is not writer and other.is_running]
        if self._election is not None:
            for other in others:
                if self._random.random() < 0.3:
                    self.done.append(f"{other.name}: ends")
                    await other.stop()
        await writer.stop()
        await self._start(writer)

    async def _start(self, writer: Writer) -> None:
        self.done.append(f"{writer.name}: starts at {writer.at}")
        writer.start(Fence() if self._election is None else self._election.elect(writer.name))
        await writer.rest()

    async def _arrive_late(self) -> None:
        writer = self._random.choice([writer for writer in self._writers if writer.gate.late])
        wire = writer.gate.late.pop(self._random.randrange(len(writer.gate.late)))
        code = await deliver(self._server, wire)
        self.done.append(f"{writer.name}: arrives late, {code}")
        await self._observe([code])

    async def _observe(self, codes: list[int]) -> None:
        """Look at the markers. Of one update it is known whether the server has taken it."""
        session = await observer(self._server)
        try:
            reading = await read_units(session, self._zone, dict.fromkeys(self._seen, ()))
        finally:
            await session.close()
        found = {root: data_of(reading.marker(root)) for root in self._seen}
        if len(codes) == 1:
            assert (codes[0] == 0) == (found != self._seen), f"{codes}: {self._seen}, {found}"
        for root, data in found.items():
            if not data:
                if self._seen[root]:
                    self.done.append(f"  {text_of(root)} is gone")
                self._newest_seen.pop(root, None)
                continue
            [marker] = map(parse, data)
            assert marker is not None
            before = self._newest_seen.get(root)
            if data != self._seen[root]:
                self.done.append(f"  {text_of(root)} has {marker.generation}, {marker.tombstone}")
            if before is not None and data != self._seen[root]:
                assert marker.generation > before, f"{text_of(root)}: {before}, then {marker.generation}"
            self._newest_seen[root] = marker.generation
        self._seen = found

    async def _finish(self) -> None:
        """Let one or several go on, which see all changes; the others end, wherever they are."""
        random, writers = self._random, self._writers
        last = random.sample(writers, random.randint(1, len(writers)))
        if self._election is not None:
            last = [writer for writer in writers if writer.name == self._election.holder]
        late = [wire for writer in writers for wire in writer.gate.late]
        for writer in writers:
            if writer not in last:
                await writer.stop()
        self.done.append(f"{', '.join(writer.name for writer in last)}: to the end")
        for writer in last:
            writer.advance(self._last)
            if not writer.is_running:
                await self._start(writer)
        await self._go_on(last)
        for wire in late:
            code = await deliver(self._server, wire)
            self.done.append(f"arrives late, {code}")
            await self._observe([code])
        for writer in last:
            writer.repair()
            await self._go_on(last)

    async def _go_on(self, writers: list[Writer]) -> None:
        """Let writers go on until they have nothing to do."""
        for _ in range(MOST_REQUESTS):
            for writer in writers:
                await writer.rest()
            waiting = [writer for writer in writers if writer.gate.waiting]
            if not waiting:
                return
            writer = self._random.choice(waiting)
            await self._release(writer, self._random.choice(_waiting(writer)))
        raise AssertionError("the writers don't come to an end")

    async def _release(self, writer: Writer, it: Waiting, fate: Fate = Fate.PASS) -> None:
        """Let a request go, and look at what comes of it."""
        self.done.append(f"{writer.name}: {it.kind} {fate.name}")
        answers = len(writer.gate.codes)
        writer.gate.release(it, fate)
        await writer.rest()
        if it.kind == "update":
            await self._observe(writer.gate.codes[answers:])

    def check(self, found: Records) -> None:
        """Compare what is in the zone with what has to be."""
        mine = {
            (owner, ttl, kind, data)
            for owner, ttl, kind, data in found
            if f".{owner}".endswith(f".{self.domain}.")
        }
        markers = {owner for owner, _, _, data in mine if data.startswith('"heritage=rollcall"')}
        taken = f".app.shop.{self.domain}."
        wanted = {it for it in self.newest.records() if not f".{it[0]}".endswith(taken)}
        services = {owner for owner, _, _, _ in wanted if owner.count(".") == self.domain.count(".") + 3}
        roots = {text_of(self.newest.root(name)) for name in SERVICES}
        assert {it for it in mine if it[0] not in markers} == wanted | others(self.domain)
        assert markers == {f"_rollcall.{owner}" for owner in services & roots}


def _change(services: Mapping[str, Sequence[Address]], source: Source) -> None:
    source.services(services)


def _remove(names: Sequence[str], source: Source) -> None:
    source.remove(*names)


def _waiting(writer: Writer) -> list[Waiting]:
    return sorted(writer.gate.waiting, key=lambda it: it.by_reader)


def others(domain: str) -> Records:
    """Return the records of others in a domain."""
    found = set()
    for line in OTHERS.format(domain).splitlines():
        owner, ttl, kind, data = line.split(" ", 3)
        found.add((f"{owner}.", int(ttl), kind, data))
    return found


def zones(kind: type[Nameserver]) -> dict[str, range]:
    """Return the zones of a server, each with seeds; half of those are for writers without a Lease."""
    step, seeds = IN_A_ZONE[kind], range(2 * ORDERS[kind])
    return {f"d{first}.example.com": seeds[first : first + step] for first in seeds[::step]}


@pytest.fixture(scope="module", params=[Bind, Knot, PowerDNS])
def server(request, tmp_path_factory) -> Iterator[Nameserver]:
    """Start a server with records of others in each domain."""
    kind = request.param
    made = [
        Zone(zone).holding("".join(OTHERS.format(f"r{seed}") for seed in seeds))
        for zone, seeds in zones(kind).items()
    ]
    with serving(kind.primary(tmp_path_factory.mktemp("server"), *made)) as [it]:
        yield it


@pytest.mark.parametrize("has_lease", [False, True])
async def test_orders(server: Nameserver, has_lease: bool, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    all_zones = zones(type(server))
    half = ORDERS[type(server)]
    limit = asyncio.Semaphore(AT_A_TIME[type(server)])
    failures: list[str] = []
    right: list[int] = []

    async def go(zone: str, seed: int) -> None:
        async with limit:
            order = Interleaving(server, zone, seed, has_lease=has_lease)
            try:
                await order.run()
                order.check(await asyncio.to_thread(records, server, zone))
                right.append(seed)
            except AssertionError as error:
                failures.append("\n".join((f"seed {seed}", *order.done, str(error))))

    with gated():
        async with asyncio.TaskGroup() as group:
            for zone, seeds in all_zones.items():
                for seed in seeds:
                    if (seed >= half) == has_lease:
                        group.create_task(go(zone, seed))
    assert not failures, f"{len(failures)} orders went wrong:\n" + "\n\n".join(failures[:3])
    assert len(right) == half
