"""What the API server says, taken into the directory: an object that breaks it is no matter of the others."""

import asyncio

import pytest

from rollcall.directory import Directory
from rollcall.kube import Unreachable
from rollcall.model import Key
from rollcall.sources import cluster as module
from rollcall.sources.cluster import ClusterSource
from rollcall.watch.reflector import Batch
from rollcall.watch.view import Change
from unit.world import pod, service

KEYS = [Key("shop", f"web-{number}") for number in range(3)]


class Reflector:
    """Stands for the real one: `take` is what it tells."""

    def __init__(self, client, resource, take, *, namespace):
        self.resource = resource
        self.take = take
        self.namespace = namespace
        self.synced = asyncio.Event()
        self.trouble = None


class WatchedCluster:
    def __init__(self):
        self.directory = Directory()
        self.directory.apply_service(service())
        self.told = set()
        self.flows = []
        self.source = ClusterSource(
            None,
            "",
            self.directory,
            on_pod=lambda applied: self.told.add(applied.key),
            on_pod_removed=self.told.discard,
            on_change=self.flows.append,
        )
        self.pods = self.source.reflectors[0]

    def batch(self, *changes):
        self.pods.take(Batch([Change(key, None, new) for key, new in changes], 123, True))

    def known(self):
        return [key for key in KEYS if self.directory.instances_of(key) is not None]


@pytest.fixture(autouse=True)
def _reflectors(monkeypatch):
    monkeypatch.setattr(module, "Reflector", Reflector)


def test_a_batch_is_one_flow():
    watched = WatchedCluster()
    watched.batch(*((key, pod(key.name)) for key in KEYS))
    assert watched.known() == KEYS
    assert watched.flows == [123]
    watched.batch((KEYS[0], None))
    assert watched.known() == KEYS[1:]
    assert watched.told == set(KEYS[1:])


def test_an_object_that_breaks_the_directory_is_named_and_left_out(monkeypatch, caplog):
    watched = WatchedCluster()
    take = watched.directory.apply_pod

    def apply_pod(applied):
        if applied.key == KEYS[1]:
            raise KeyError("a defect")
        take(applied)

    monkeypatch.setattr(watched.directory, "apply_pod", apply_pod)
    watched.batch(*((key, pod(key.name)) for key in KEYS))
    assert watched.known() == [KEYS[0], KEYS[2]]
    assert watched.flows == [123]
    assert "shop/web-1 can't be taken in" in caplog.text


async def test_what_is_waited_for_is_told():
    source = WatchedCluster().source
    waiting = asyncio.create_task(source.synced())
    left = ["pods", "services", "serviceinstances"]
    for reflector in source.reflectors:
        await asyncio.sleep(0)
        assert source.waiting() == dict.fromkeys(left)
        assert not waiting.done()
        left.pop(0)
        reflector.synced.set()
    await waiting
    assert source.waiting() == {}


def test_what_is_wrong_is_told_with_what_is_waited_for():
    source = WatchedCluster().source
    error = Unreachable("GET /api/v1/pods: connection refused")
    source.reflectors[0].trouble = error
    assert source.waiting() == {"pods": error, "services": None, "serviceinstances": None}


def test_an_empty_namespace_is_all_of_them():
    assert [each.namespace for each in WatchedCluster().source.reflectors] == [None] * 3
