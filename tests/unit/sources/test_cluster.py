"""What the API server says, taken into the directory: an object that breaks it is no matter of the others."""

import asyncio

import pytest

from rollcall.directory import Directory
from rollcall.model import Key
from rollcall.sources import cluster as module
from rollcall.sources.cluster import Intake
from rollcall.watch.reflector import Batch
from rollcall.watch.view import Change
from unit.world import pod, service

KEYS = [Key("shop", f"web-{number}") for number in range(3)]


class Turns:
    """Hears of pods before the directory does."""

    def __init__(self):
        self.pods = set()

    def apply_pod(self, applied):
        self.pods.add(applied.key)

    def remove_pod(self, key):
        self.pods.discard(key)


class Reflector:
    """Stands for the real one: `take` is what it tells."""

    def __init__(self, client, resource, take, *, namespace):
        self.resource = resource
        self.take = take
        self.namespace = namespace
        self.synced = asyncio.Event()


class World:
    def __init__(self):
        self.directory = Directory()
        self.directory.apply_service(service())
        self.turns = Turns()
        self.flows = []
        self.intake = Intake(None, "", self.directory, self.turns, self.flows.append)
        self.pods = self.intake.reflectors[0]

    def batch(self, *changes):
        self.pods.take(Batch([Change(key, None, new) for key, new in changes], 123, True))

    def known(self):
        return [key for key in KEYS if self.directory.instances_of(key) is not None]


@pytest.fixture(autouse=True)
def _reflectors(monkeypatch):
    monkeypatch.setattr(module, "Reflector", Reflector)


def test_a_batch_is_one_flow():
    world = World()
    world.batch(*((key, pod(key.name)) for key in KEYS))
    assert world.known() == KEYS
    assert world.flows == [123]
    world.batch((KEYS[0], None))
    assert world.known() == KEYS[1:]
    assert world.turns.pods == set(KEYS[1:])


def test_an_object_that_breaks_the_directory_is_named_and_left_out(monkeypatch, caplog):
    world = World()
    take = world.directory.apply_pod

    def apply_pod(applied):
        if applied.key == KEYS[1]:
            raise KeyError("a defect")
        take(applied)

    monkeypatch.setattr(world.directory, "apply_pod", apply_pod)
    world.batch(*((key, pod(key.name)) for key in KEYS))
    assert world.known() == [KEYS[0], KEYS[2]]
    assert world.flows == [123]
    assert "shop/web-1 can't be taken in" in caplog.text


async def test_what_is_waited_for_is_told():
    intake = World().intake
    waiting = asyncio.create_task(intake.synced())
    left = ["pods", "services", "serviceinstances"]
    for reflector in intake.reflectors:
        await asyncio.sleep(0)
        assert intake.waiting() == left
        assert not waiting.done()
        left.pop(0)
        reflector.synced.set()
    await waiting
    assert intake.waiting() == []


def test_an_empty_namespace_is_all_of_them():
    assert [each.namespace for each in World().intake.reflectors] == [None] * 3
