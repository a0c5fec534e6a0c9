"""kopf and the full lists together: when each runs, and that neither alone is relied on; in virtual time."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from rollcall.kube import BadAnswer, KubeError, Unreachable
from rollcall.kube.credentials import Credentials
from rollcall.model import DiscoveryFile, DiscoveryZone, Key
from rollcall.sources import configuration
from rollcall.sources.configuration import Configuration
from rollcall.watch import DISCOVERY_FILES, DISCOVERY_ZONES, Resource
from thorough import examples
from unit.api_objects import kind_of, listed
from unit.running import running
from unit.spoiled import Spoil, spoils

pytestmark = pytest.mark.looptime

Object = dict[str, Any]


class Server:
    """Both collections, in pages of two; `failures` are raised by the next requests, one each."""

    def __init__(self) -> None:
        self.zones: dict[str, Object] = {}
        self.files: dict[str, Object] = {}
        self.asked: list[tuple[float, str]] = []
        self.failures: list[KubeError | None] = []
        self.down = False
        self.spoil: Callable[[bytes], bytes] = lambda body: body

    def add_zone(self, name: str, generation: int = 1, **spec: Any) -> Object:
        made = {
            "metadata": {"name": name, "uid": f"uid-{name}", "generation": generation},
            "spec": {"domain": f"{name}.test"} | spec,
        }
        self.zones[name] = made
        return made

    def add_file(self, name: str) -> None:
        self.files[name] = {
            "metadata": {"namespace": "shop", "name": name, "uid": f"uid-{name}", "generation": 1},
            "spec": {"format": "json", "configMap": {"name": name, "key": "file"}},
        }

    async def list_page(self, path: str, params: Mapping[str, str]) -> bytes:
        kind = path.rsplit("/", 1)[1]
        self.asked.append((round(asyncio.get_running_loop().time(), 1), kind))
        await asyncio.sleep(0.01)
        if self.down:
            raise Unreachable(f"GET {path}: connection refused")
        if self.failures and (failure := self.failures.pop(0)):
            raise failure
        objects = list((self.zones if kind == "discoveryzones" else self.files).values())
        start = int(params.get("continue", 0))
        more = {"continue": str(start + 2)} if len(objects) > start + 2 else {}
        resource = DISCOVERY_ZONES if kind == "discoveryzones" else DISCOVERY_FILES
        items = [kind_of(resource) | each for each in objects[start : start + 2]]
        return self.spoil(listed(resource, items, **more))

    def watch(self, path: str, params: Mapping[str, str]) -> AsyncGenerator[list[bytes], None]:
        raise AssertionError("watching is kopf's part")

    def times(self) -> list[float]:
        return [at for at, kind in self.asked if kind == "discoveryzones"]


class Kopf:
    """In the place of KopfThread: runs until told to end."""

    runs: list["Kopf"]

    def __init__(self, _: Credentials, on_item: Callable[..., None], *, namespace: str | None) -> None:
        self.on_item = on_item
        self.namespace = namespace
        self.started = asyncio.get_running_loop().time()
        self.end = asyncio.Event()
        Kopf.runs.append(self)

    async def run(self) -> BaseException | None:
        await self.end.wait()
        return RuntimeError("a 500 in the stream")

    def tell(self, resource: Resource[Any], made: Object, *, deleted: bool = False) -> None:
        self.on_item(
            resource, resource.read_item(msgspec.Raw(msgspec.json.encode(kind_of(resource) | made))), deleted
        )


class Bench:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, namespace: str | None = None) -> None:
        monkeypatch.setattr(configuration, "KopfThread", Kopf)
        Kopf.runs = []
        self.server = Server()
        self.zones: dict[str, DiscoveryZone] = {}
        self.files: dict[str, DiscoveryFile] = {}
        self.configuration = Configuration(
            self.server, Credentials(), self._on_zone, self._on_file, namespace=namespace
        )

    def _on_zone(self, key: Key, now: DiscoveryZone | None) -> None:
        _note(self.zones, key, now)

    def _on_file(self, key: Key, now: DiscoveryFile | None) -> None:
        _note(self.files, key, now)


def _note(state: dict[str, Any], key: Key, now: Any) -> None:
    if now is None:
        del state[key.name]
    else:
        state[key.name] = now


async def test_it_has_synced_when_both_kinds_are_listed_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch)
    for i in range(5):
        bench.server.add_zone(f"z{i}")
        bench.server.add_file(f"f{i}")
    bench.server.failures = [None, None, None, None, Unreachable("GET: reset")]
    async with running(bench.configuration.run()):
        await asyncio.sleep(0.045)
        assert len(bench.server.asked) == 5
        assert not bench.configuration.synced.is_set()
        await asyncio.sleep(1)
        assert bench.configuration.synced.is_set()
    assert len(bench.zones) == len(bench.files) == 5


async def test_kopf_is_told_first_of_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks only once for the kinds that it is to watch: not before they can be listed."""
    bench = Bench(monkeypatch)
    bench.server.down = True
    async with running(bench.configuration.run()):
        await asyncio.sleep(60)
        assert Kopf.runs == []
        assert isinstance(bench.configuration.trouble, Unreachable)
        bench.server.down = False
        await asyncio.sleep(6)
        assert len(Kopf.runs) == 1
        assert bench.configuration.trouble is None


async def test_events_are_passed_on_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch)
    async with running(bench.configuration.run()):
        await bench.configuration.synced.wait()
        await asyncio.sleep(1)
        (kopf,) = Kopf.runs
        kopf.tell(DISCOVERY_ZONES, bench.server.add_zone("a"))
        assert bench.zones["a"].spec.domain == "a.test"
        kopf.tell(DISCOVERY_ZONES, bench.server.zones.pop("a"), deleted=True)
        assert bench.zones == {}


async def test_a_full_list_every_few_minutes_while_kopf_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch)
    async with running(bench.configuration.run()):
        await asyncio.sleep(1000)
    expected = [0, 5, 10, 15, 315, 615, 915]
    assert bench.server.times() == pytest.approx(expected, abs=0.5), "often, until kopf surely watches"


async def test_a_deletion_that_kopf_misses_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch)
    bench.server.add_zone("a")
    bench.server.add_zone("b")
    async with running(bench.configuration.run()):
        await asyncio.sleep(100)
        del bench.server.zones["a"]
        await asyncio.sleep(250)
        assert bench.zones.keys() == {"b"}


async def test_while_kopf_is_down_full_lists_stand_in(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(monkeypatch)
    bench.server.add_zone("a")
    async with running(bench.configuration.run()):
        await asyncio.sleep(100)
        Kopf.runs[0].end.set()
        del bench.server.zones["a"]
        bench.server.add_zone("b")
        await asyncio.sleep(0.1)
        assert bench.zones.keys() == {"b"}, "at once"
        await asyncio.sleep(3)
        assert len(Kopf.runs) == 2
        del bench.server.zones["b"]
        await asyncio.sleep(5.1)
        assert bench.zones == {}, "it may not be watching yet"
    assert bench.configuration.restarts == 1
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "kopf ended" in record.getMessage()
    assert "a 500 in the stream" in record.getMessage()


async def test_kopf_that_ends_at_once_is_given_time(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch)

    async def end_them() -> None:
        while True:
            for run in Kopf.runs:
                run.end.set()
            await asyncio.sleep(0.5)

    async with running(bench.configuration.run(), end_them()):
        await asyncio.sleep(600)
    assert 10 <= len(Kopf.runs) <= 25


async def test_a_list_that_breaks_off_removes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch)
    for i in range(5):
        bench.server.add_zone(f"z{i}")
    async with running(bench.configuration.run()):
        await asyncio.sleep(100)
        bench.server.failures = [None, Unreachable("GET: reset"), None, Unreachable("GET: reset")]
        await asyncio.sleep(300)
        assert len(bench.zones) == 5
        bench.server.down = True
        await asyncio.sleep(1000)
        assert len(bench.zones) == 5
        assert bench.configuration.synced.is_set()


async def test_an_outage_is_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    bench = Bench(monkeypatch)
    bench.server.down = True
    async with running(bench.configuration.run()):
        await asyncio.sleep(300)
        bench.server.down = False
        await asyncio.sleep(10)
    texts = [record.getMessage() for record in caplog.records]
    assert len(texts) == 3
    assert "connection refused" in texts[0]
    assert texts[2] == "configuration: synced, discoveryzones: 0, discoveryfiles: 0"


async def test_what_can_not_be_read_is_told_and_poisons_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(monkeypatch)
    good = bench.server.add_zone("a")
    bench.server.add_zone("b")
    async with running(bench.configuration.run()):
        await asyncio.sleep(1)
        bad = good | {"spec": {"domain": 7}}
        bench.server.zones["a"] = bad
        Kopf.runs[0].tell(DISCOVERY_ZONES, bad)
        await asyncio.sleep(400)
        assert bench.zones.keys() == {"a", "b"}
        assert list(bench.configuration.malformed) == ["discoveryzones a"]
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert record.getMessage().startswith("discoveryzones a can't be read")


async def test_one_namespace_only(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, "shop")
    bench.server.add_file("f")
    async with running(bench.configuration.run()):
        await asyncio.sleep(1)
    assert Kopf.runs[0].namespace == "shop"
    assert bench.files.keys() == {"f"}


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spoil=spoils)
async def test_no_spoilt_list_ever_removes_an_object(monkeypatch: pytest.MonkeyPatch, spoil: Spoil) -> None:
    bench = Bench(monkeypatch)
    for name in "ab":
        bench.server.add_zone(name)
        bench.server.add_file(name)
    async with running(bench.configuration.run()):
        await bench.configuration.synced.wait()
        bench.server.spoil = spoil
        await asyncio.sleep(400)
        assert bench.zones.keys() == bench.files.keys() == {"a", "b"}
        bench.server.spoil = lambda body: body
        del bench.server.zones["a"]
        await asyncio.sleep(301)
        assert bench.zones.keys() == {"b"}, "it goes on"


async def test_a_list_that_is_none_is_a_failed_one_and_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(monkeypatch)
    bench.server.add_zone("a")
    async with running(bench.configuration.run()):
        await bench.configuration.synced.wait()
        bench.server.spoil = lambda _: b'{"metadata":{}}'
        await asyncio.sleep(6)
        assert isinstance(bench.configuration.trouble, BadAnswer)
        failed = bench.configuration.failed_lists
        assert failed.keys() == {"BadAnswer"}
        assert 1 <= failed["BadAnswer"] <= 10, "it waits longer and longer"
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "not a list of discoveryzones" in record.getMessage()
