"""What DiscoveryFiles hold, on its way from the directory to the store. In virtual time."""

import asyncio

import msgspec
import pytest

from rollcall.model import ConfigMapTarget, DiscoveryFile, FileServices, FileSpec, Key
from rollcall.publish.collector import AT_ONCE, REST_SECONDS, FileCollector
from rollcall.publish.file_store import FileStore
from rollcall.publish.files import CannotRender
from rollcall.publish.selection import FileSelection
from unit.running import running
from unit.world import World, pod, service

pytestmark = pytest.mark.looptime

KEY = Key("shop", "file")
FILE = DiscoveryFile(KEY, "uid", 1, FileSpec("json", ConfigMapTarget("file", "file.json"), FileServices()))


class Collecting(World):
    """Services and pods, and a store of what files hold; `collected` counts how often it was told."""

    def __init__(self, **quota):
        super().__init__(service())
        self.store = FileStore()
        self.collected = 0
        selection = FileSelection(self.directory, cross_namespace=False, **quota)
        self.files = FileCollector(selection, self.store, self._on_collected)

    def _on_collected(self):
        self.collected += 1

    def flow(self, *pods):
        self.put(*pods)
        self.files.reselect(self.changes)

    async def text(self):
        return (await self.store.current(KEY)).rendering.text


@pytest.fixture
def world():
    made = Collecting()
    made.files.apply_file(KEY, FILE)
    made.flow(pod())
    return made


async def test_the_store_hears_nothing_before_everything_is_known(world):
    assert KEY not in world.store
    world.files.start(1)
    assert "10.0.0.1" in await world.text()


async def test_a_change_passes_at_once_and_a_burst_as_one(world):
    world.files.start(1)
    async with running(world.files.run()):
        await asyncio.sleep(1.0)
        before = world.collected
        world.flow(pod("web-1", "10.0.0.2"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert "10.0.0.2" in await world.text()
        for number in range(3, 9):
            world.flow(pod(f"web-{number}", f"10.0.0.{number}"))
        await asyncio.sleep(2 * REST_SECONDS)
        assert "10.0.0.8" in await world.text()
        assert world.collected == before + 2


async def test_thousands_of_files_of_one_namespace_hold_up_no_other(world):
    """They are collected a few in each turn of the event loop, and namespaces take turns in it."""
    crowd = [Key("crowd", f"file-{number}") for number in range(20 * AT_ONCE)]
    for key in crowd:
        world.files.apply_file(key, msgspec.structs.replace(FILE, key=key, uid=f"uid-{key.name}"))
    world.flow(service(namespace="crowd"))
    world.files.start(1)
    seen = []
    world.store.listen(seen.append)
    async with running(world.files.run()):
        await asyncio.sleep(1.0)
        assert seen == []
        world.flow(pod("web-1", "10.8.0.1", namespace="crowd"), pod("web-2", "10.0.0.2"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(seen) <= 2 * AT_ONCE, "in two turns of the loop"
        assert KEY in seen[:2]
        await asyncio.sleep(1.0)
    assert sorted(seen) == sorted([KEY, *crowd])


async def test_a_change_of_other_services_is_none(world):
    world.files.start(1)
    async with running(world.files.run()):
        await asyncio.sleep(1.0)
        before = world.collected
        world.apply(service(namespace="blog"))
        world.flow(pod(namespace="blog"))
        await asyncio.sleep(1.0)
        assert world.collected == before


async def test_a_file_that_is_gone_is_gone_at_once(world):
    world.files.start(1)
    world.files.apply_file(KEY, None)
    assert KEY not in world.store
    async with running(world.files.run()):
        await asyncio.sleep(1.0)
        assert KEY not in world.store


async def test_a_file_beyond_the_quota_says_so_and_counts_when_an_older_one_goes():
    world = Collecting(per_namespace=1)
    older = msgspec.structs.replace(FILE, key=Key("shop", "older"), created="2026-01-01T00:00:00Z")
    newer = msgspec.structs.replace(FILE, created="2026-01-02T00:00:00Z")
    world.files.apply_file(KEY, newer)
    world.files.apply_file(older.key, older)
    world.flow(pod())
    world.files.start(1)
    async with running(world.files.run()):
        await asyncio.sleep(1.0)
        assert "10.0.0.1" in (await world.store.current(older.key)).rendering.text
        with pytest.raises(CannotRender, match="filesPerNamespace") as raised:
            await world.store.current(KEY)
        assert raised.value.problem.reason == "QuotaExceeded"
        world.files.apply_file(older.key, None)
        await asyncio.sleep(1.0)
        assert "10.0.0.1" in await world.text()
