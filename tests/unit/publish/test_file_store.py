"""The files in memory: versions, waiting, serials, snapshots."""

import asyncio
import threading
from collections.abc import Sequence

import msgspec
import pytest

from rollcall.model import DiscoveryFile, Key, Members
from rollcall.publish import file_store
from rollcall.publish.file_store import FileStore, NotSynced, SavedFile, UnknownFile
from rollcall.publish.files import CannotRender, Document, compose
from unit.publish.files.builders import EMPTY, WEB, file, instance, many, members
from waiting import until

KEY = Key("shop", "discovery")
HOSTS = file("hosts")
ZONE = file("zonefile")

pytestmark = pytest.mark.looptime


async def serial_of(store: FileStore) -> int | None:
    return (await store.current(KEY)).rendering.serial


async def test_unknown_is_not_empty() -> None:
    store = FileStore()

    with pytest.raises(NotSynced):
        await store.current(KEY)
    store.set_synced()
    with pytest.raises(UnknownFile):
        await store.current(KEY)
    store.put_file(HOSTS, [])
    assert (await store.current(KEY)).rendering.services == 0


async def test_a_version_is_rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Key] = []

    def counted(of: DiscoveryFile, services: Sequence[Members]) -> Document:
        calls.append(of.key)
        return compose(of, services)

    monkeypatch.setattr(file_store, "compose", counted)
    store = FileStore()
    store.put_file(HOSTS, [WEB])

    first, second = await asyncio.gather(store.current(KEY), store.current(KEY))
    store.put_file(HOSTS, [members("web", *WEB.instances)])

    assert first is not second
    assert first == second == await store.current(KEY)
    assert len(calls) == 1


async def test_a_large_file_is_rendered_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []

    def noted(of: DiscoveryFile, services: Sequence[Members]) -> Document:
        threads.append(threading.current_thread())
        return compose(of, services)

    monkeypatch.setattr(file_store, "compose", noted)
    store = FileStore()
    store.put_file(HOSTS, [many(file_store.THREAD_INSTANCES - 1)])
    await store.current(KEY)
    store.put_file(HOSTS, [many(file_store.THREAD_INSTANCES)])
    await store.current(KEY)

    assert [thread is threading.main_thread() for thread in threads] == [True, False]


async def test_who_goes_while_it_is_rendered_takes_nothing_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[DiscoveryFile] = []
    may_end = threading.Event()

    def slow(form: DiscoveryFile, services: Sequence[Members]) -> Document:
        begun.append(form)
        may_end.wait()
        return compose(form, services)

    monkeypatch.setattr(file_store, "compose", slow)
    store = FileStore()
    store.put_file(HOSTS, [many(file_store.THREAD_INSTANCES)])
    for _ in range(5):
        asked = asyncio.create_task(store.current(HOSTS.key))
        await until(lambda: begun, "the first rendering")
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
    may_end.set()
    assert (await store.current(HOSTS.key)).rendering.instances == file_store.THREAD_INSTANCES
    assert len(begun) == 1


async def test_waiting_ends_with_the_next_version() -> None:
    store = FileStore()
    store.put_file(HOSTS, [WEB])
    current = await store.current(KEY)
    waiting = asyncio.ensure_future(store.wait_past(KEY, current.version))
    await asyncio.sleep(1)
    store.put_file(HOSTS, [WEB])
    await asyncio.sleep(1)
    assert not waiting.done(), "nothing has changed"

    store.put_file(HOSTS, [EMPTY])
    await waiting
    assert (await store.current(KEY)).rendering.text != current.rendering.text


@pytest.mark.parametrize("how", ["removed", "made anew", "closed"])
async def test_waiting_ends_with_the_file(how: str) -> None:
    store = FileStore()
    store.put_file(HOSTS, [WEB])
    waiting = asyncio.ensure_future(store.wait_past(KEY, (await store.current(KEY)).version))
    await asyncio.sleep(1)
    if how == "closed":
        store.close()
    else:
        store.remove_file(KEY)
    if how == "made anew":
        store.put_file(HOSTS, [WEB])

    await asyncio.wait_for(waiting, 1)


async def test_listeners_hear_of_changes_only() -> None:
    store = FileStore()
    heard: list[Key] = []
    unlisten = store.listen(heard.append)
    store.put_file(HOSTS, [WEB])
    store.put_file(HOSTS, [WEB])
    store.remove_file(KEY)
    store.remove_file(KEY)
    unlisten()
    store.put_file(HOSTS, [WEB])

    assert heard == [KEY, KEY]


async def test_a_spec_that_can_not_be_rendered_is_no_rendering() -> None:
    bare = msgspec.structs.replace(ZONE, spec=msgspec.structs.replace(ZONE.spec, domain=""))
    store = FileStore()
    store.put_file(bare, [WEB])

    for _ in range(2):
        with pytest.raises(CannotRender):
            await store.current(KEY)
    assert await store.export() == ()


async def test_a_serial_stands_for_one_content() -> None:
    now = 1_000
    store = FileStore(unix_time=lambda: now)
    store.put_file(ZONE, [WEB])
    assert await serial_of(store) == 1_000

    store.put_file(msgspec.structs.replace(ZONE, generation=2), [WEB])
    assert await serial_of(store) == 1_000, "the records are the same"
    store.put_file(ZONE, [EMPTY])
    assert await serial_of(store) == 1_001, "two changes in a second"
    now = 900
    store.put_file(ZONE, [WEB])
    assert await serial_of(store) == 1_002, "the clock went back"
    now = 5_000
    store.put_file(ZONE, [EMPTY])
    assert await serial_of(store) == 5_000


@pytest.mark.parametrize(
    ("rendered_before", "published", "same_content", "expected"),
    [
        (False, 2_000, True, 2_000),
        (False, 2_000, False, 2_001),
        (False, 500, True, 500),
        (False, 500, False, 1_000),
        (True, 2_000, True, 2_000),
        (True, 2_000, False, 2_001),
        (True, 500, True, 1_000),
        (True, 500, False, 1_000),
        (True, 1_000, False, 1_001),
        (True, 1_000, True, 1_000),
    ],
)
async def test_a_published_serial_is_taken_in(
    rendered_before: bool, published: int, same_content: bool, expected: int
) -> None:
    store = FileStore(unix_time=lambda: 1_000)
    store.put_file(ZONE, [WEB])
    digest = compose(ZONE, [WEB]).digest if same_content else "another"
    if rendered_before:
        assert await serial_of(store) == 1_000

    store.adopt_serial(KEY, published, digest)

    assert await serial_of(store) == expected


async def test_adopting_what_is_known_wakes_nobody() -> None:
    store = FileStore()
    store.put_file(ZONE, [WEB])
    current = await store.current(KEY)
    assert current.rendering.serial is not None
    store.adopt_serial(KEY, current.rendering.serial, current.rendering.digest)

    assert (await store.current(KEY)).version == current.version


async def test_a_snapshot_answers_until_more_is_known() -> None:
    before = FileStore(unix_time=lambda: 7_000)
    before.put_file(ZONE, [WEB])
    before.put_file(file("json", name="gone"), [WEB])
    saved = msgspec.json.decode(msgspec.json.encode(await before.export()), type=list[SavedFile])

    store = FileStore(unix_time=lambda: 6_000)
    store.restore(saved)
    restored = await store.current(KEY)
    assert restored.stale
    assert restored.rendering == (await before.current(KEY)).rendering
    assert list(store) == [], "a snapshot is served, not published"
    with pytest.raises(NotSynced):
        await store.current(Key("shop", "new"))
    assert await store.export() == tuple(saved)

    store.put_file(ZONE, [EMPTY])
    fresh = await store.current(KEY)
    assert not fresh.stale
    assert fresh.rendering.serial == 7_001
    store.set_synced()
    with pytest.raises(UnknownFile):
        await store.current(Key("shop", "gone"))


async def test_a_snapshot_does_not_replace_what_is_known() -> None:
    before = FileStore()
    before.put_file(HOSTS, [WEB])
    store = FileStore()
    store.put_file(HOSTS, [members("web", instance(9))])
    store.restore(await before.export())

    assert "10.0.0.9" in (await store.current(KEY)).rendering.text


async def test_the_same_content_keeps_its_serial_over_a_restart() -> None:
    before = FileStore(unix_time=lambda: 7_000)
    before.put_file(ZONE, [WEB])
    saved = await before.export()
    store = FileStore(unix_time=lambda: 9_000)
    store.restore(saved)
    store.put_file(ZONE, [WEB])

    assert await serial_of(store) == 7_000
