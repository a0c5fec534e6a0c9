"""The feed between two ends in one process: order, whole states, workers that come, go, or don't read."""

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from random import Random

import pytest

from rollcall.feed import feed as feed_module
from rollcall.feed.follower import Follower
from rollcall.feed.frames import CommitFrame, Decoder, Delta, Hello, Reset, Stats, ToWorker, encode
from rollcall.serve.answers import Answers
from rollcall.serve.loader import Loader
from rollcall.serve.table import Table
from rollcall.zone.changes import RRsetDelta, ZoneDelta
from serving.running import feeding
from unit.serve.samples import (
    APEX,
    SEED,
    Client,
    addresses,
    answers,
    name,
    rcode,
    removal,
    rrset,
    values,
    zone,
)
from waiting import SECONDS

SERVICE = "s.example.test."


@contextlib.asynccontextmanager
async def subscribed(path: Path, source: Answers, number: int = 0) -> AsyncIterator[Follower]:
    follower = Follower(path, number, Loader(source))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(follower.run())
        try:
            async with asyncio.timeout(SECONDS):
                yield follower
        finally:
            running.cancel()


def nothing() -> Answers:
    return Answers(Random(SEED))


async def test_a_worker_gets_the_state_and_then_each_change(tmp_path: Path) -> None:
    source = nothing()
    client = Client(source)
    async with (
        feeding(tmp_path / "feed", [zone(rrset(SERVICE, "A", "10.0.0.1"))]) as (feed, control),
        subscribed(tmp_path / "feed", source),
    ):
        feed.publish(7, ())
        await control.until_answered(7)
        assert values(client.ask(SERVICE)) == ["10.0.0.1"]

        feed.publish(8, [zone(rrset(SERVICE, "A", "10.0.0.2"), serial=2)])
        await control.until_answered(8)
        assert sorted(values(client.ask(SERVICE))) == ["10.0.0.1", "10.0.0.2"]


async def test_nothing_is_sent_before_the_first_publication(tmp_path: Path) -> None:
    """A control process that has just started knows nothing yet: workers keep their last answers."""
    source = answers(zone(rrset(SERVICE, "A", "10.0.0.1")))
    state: list[ZoneDelta] = []
    async with (
        feeding(tmp_path / "feed", state) as (feed, control),
        subscribed(tmp_path / "feed", source) as follower,
    ):
        await control.until(lambda: control.workers == {0})
        sent = Stats()
        for _ in range(20):  # there and back so often that a state, had one been sent, would be here
            sent.udp_responses += 1
            follower.report(sent)
            await control.until(lambda: control.stats.get(0) == sent)
        assert not control.versions
        assert values(Client(source).ask(SERVICE)) == ["10.0.0.1"]

        state.append(zone(rrset(SERVICE, "A", "10.0.0.9")))
        feed.publish(1, state)
        await control.until_answered(1)
        assert values(Client(source).ask(SERVICE)) == ["10.0.0.9"]


async def test_answers_stay_while_there_is_no_feed_and_are_renewed_by_the_next(tmp_path: Path) -> None:
    source = nothing()
    client = Client(source)
    async with subscribed(tmp_path / "feed", source):
        assert rcode(client.ask(SERVICE)) == "SERVFAIL"
        async with feeding(tmp_path / "feed", [zone(rrset(SERVICE, "A", "10.0.0.1"))]) as (feed, control):
            feed.publish(1, ())
            await control.until_answered(1)
        assert values(client.ask(SERVICE)) == ["10.0.0.1"]

        async with feeding(tmp_path / "feed", [zone(rrset(SERVICE, "A", "10.0.0.2"))]) as (feed, control):
            await control.until(lambda: control.workers == {0})
            assert values(client.ask(SERVICE)) == ["10.0.0.1"]
            feed.publish(1, ())
            await control.until_answered(1)
        assert values(client.ask(SERVICE)) == ["10.0.0.2"]


async def test_a_worker_that_comes_in_the_middle_misses_nothing(tmp_path: Path) -> None:
    """Changes go on in every turn of the loop while large states are on their way to several workers."""
    rng = random.Random(SEED)
    truth = Table()
    truth.apply_delta(zone(*(rrset(f"n{index}.example.test.", "A", "10.0.0.1") for index in range(3000))))

    def state() -> Iterable[ZoneDelta]:
        held = truth.zones[name(APEX)]
        rrsets = tuple(
            RRsetDelta(owner, rdtype, each.ttl, each.count, (), tuple(each.members.items()))
            for owner, node in held.nodes.items()
            for rdtype, each in node.rrsets.items()
        )
        yield ZoneDelta(held.apex, held.serial, held.soa, held.soa_ttl, rrsets)

    tables = [nothing() for _ in range(3)]
    async with feeding(tmp_path / "feed", state) as (feed, control):
        feed.publish(1, ())
        async with contextlib.AsyncExitStack() as stack:
            for version in range(2, 600):
                if version in (10, 11, 200):
                    number = (10, 11, 200).index(version)
                    await stack.enter_async_context(subscribed(tmp_path / "feed", tables[number], number))
                owner = f"n{rng.randrange(3010)}.example.test."
                address = rng.choice(["10.0.0.1", "10.0.0.2"])
                change = removal(owner, "A", address) if rng.random() < 0.5 else rrset(owner, "A", address)
                delta = zone(change, serial=version)
                truth.apply_delta(delta)
                feed.publish(version, [delta])
                await asyncio.sleep(0)
            await control.until_answered(599, 0, 1, 2)

    for table in tables:
        assert table._table is not None
        assert table._table.zones == truth.zones


async def test_counters_reach_the_control_process(tmp_path: Path) -> None:
    async with (
        feeding(tmp_path / "feed", []) as (_, control),
        subscribed(tmp_path / "feed", nothing(), 3) as follower,
    ):
        assert not follower.report(Stats())
        await control.until(lambda: control.workers == {3})
        assert follower.report(Stats(udp_responses=5, rcodes={3: 1}))
        await control.until(lambda: 3 in control.stats)
        assert control.stats[3] == Stats(udp_responses=5, rcodes={3: 1})


async def test_a_broken_change_makes_the_worker_start_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = nothing()
    async with (
        feeding(tmp_path / "feed", [zone(rrset(SERVICE, "A", "10.0.0.1"))]) as (feed, control),
        subscribed(tmp_path / "feed", source),
    ):
        feed.publish(1, ())
        await control.until_answered(1)
        feed.publish(2, [zone(rrset("a.example.org.", "A", "10.0.0.1"), serial=2)])
        await control.until_answered(2)

        assert values(Client(source).ask(SERVICE)) == ["10.0.0.1"]
        assert "starting over" in caplog.text
        assert "example" in caplog.text


async def test_a_worker_that_does_not_read_is_cut_off_and_others_are_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "MAX_BACKLOG", 1 << 16)
    loop = asyncio.get_running_loop()
    path = tmp_path / "feed"
    async with feeding(path, [zone()]) as (feed, control), subscribed(path, nothing(), 1):
        with socket.socket(socket.AF_UNIX) as stuck:
            stuck.setblocking(False)
            await loop.sock_connect(stuck, str(path))
            await loop.sock_sendall(stuck, encode(Hello(0)))
            feed.publish(1, ())
            await control.until_answered(1, 1)
            await control.until(lambda: control.workers == {0, 1})

            version = 1
            while 0 in control.workers:
                version += 1
                feed.publish(version, [zone(rrset(SERVICE, "A", *addresses(1000)), serial=version)])
                await control.until_answered(version, 1)

            assert version < 2000
            decoder = Decoder[ToWorker](ToWorker)
            frames: list[ToWorker] = []
            while chunk := await loop.sock_recv(stuck, 1 << 16):
                frames += decoder.feed(chunk)
            kinds = [type(frame) for frame in frames[:3]]
            assert kinds == [Reset, Delta, CommitFrame]


@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\n\r\n", encode(Stats()), b"\x00\x00\x00\x01\xc1"])
async def test_what_is_no_worker_is_cut_off(
    tmp_path: Path, said: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with feeding(tmp_path / "feed", []) as (feed, _):
        feed.publish(1, ())
        async with asyncio.timeout(SECONDS):
            reader, writer = await asyncio.open_unix_connection(tmp_path / "feed")
            writer.write(said)
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
            writer.close()
    assert "feed to worker None ends" in caplog.text


async def test_only_we_may_connect(tmp_path: Path) -> None:
    async with feeding(tmp_path / "feed", []):
        assert (tmp_path / "feed").stat().st_mode & 0o777 == 0o600
