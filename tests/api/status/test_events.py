"""Events on a real API server, as kubectl describe shows them."""

import asyncio
from typing import Any

import msgspec
import pytest

from api.objects import FILE_SPEC, Json, Objects
from controlplane import ControlPlane
from rollcall.kube.client import KubeClient
from rollcall.model import Key, Status
from rollcall.status.events import EventRecorder
from rollcall.status.kinds import Kind
from rollcall.status.status_writer import StatusWriter
from unit.running import running
from unit.status.test_transitions import EMPTY, INVALID, PUBLISHED
from waiting import News

TIME = "2027-01-15T08:00:00Z"


class Posting:
    """A client that tells when an event has been taken in."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client
        self.taken: list[Any] = []
        self.news = News()

    async def create(self, path: str, body: object) -> Any:
        made = await self._client.create(path, body)
        self.taken.append(made)
        self.news.tell()
        return made


def with_times(status: Status) -> Status:
    return Status(
        1,
        tuple(
            msgspec.structs.replace(condition, observed_generation=1, last_transition_time=TIME)
            for condition in status.conditions
        ),
    )


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        (Kind.SERVICE_INSTANCE, {}),
        (Kind.DISCOVERY_FILE, FILE_SPEC),
        (Kind.DISCOVERY_ZONE, {"domain": "events.test"}),
    ],
)
async def test_transitions_are_events(
    kind: Kind, spec: Json, cluster: ControlPlane, objects: Objects, client: KubeClient
) -> None:
    service = cluster.workloads.make_service(objects.namespace, "web", selector={"app": "web"})
    made = await objects.create(kind, "web", spec)
    ref = objects.ref(kind, "web")
    posting = Posting(client)
    uids = {Key(objects.namespace, "web"): service["metadata"]["uid"]}
    recorder = EventRecorder(posting, uids.get, instance="rollcall-0")
    states = [PUBLISHED, EMPTY, INVALID]

    def compute(_: Key, __: Status) -> tuple[str, Status]:
        return made["metadata"]["uid"], with_times(states[0])

    writer = StatusWriter(client, compute, recorder.record)
    a_write = 2 if kind is Kind.SERVICE_INSTANCE else 1
    async with running(writer.run(), recorder.run()):
        while states:
            writer.mark(*ref)
            before = len(posting.taken)
            await posting.news.until(lambda before=before: len(posting.taken) == before + a_write)  # type: ignore[misc]
            states.pop(0)
    text = await asyncio.to_thread(cluster.kubectl, "describe", kind.lower(), "web", "-n", objects.namespace)
    assert sorted(shown(text)) == [  # of one second, in no order
        ("Normal", "Published", "rollcall", "Published."),
        ("Warning", "InvalidName", "rollcall", "InvalidName."),
        ("Warning", "NoEligibleInstances", "rollcall", "NoEligibleInstances."),
    ]
    text = await asyncio.to_thread(cluster.kubectl, "describe", "service", "web", "-n", objects.namespace)
    assert len(shown(text)) == (3 if kind is Kind.SERVICE_INSTANCE else 0)
    assert {each["reportingInstance"] for each in posting.taken} == {"rollcall-0"}


def shown(description: str) -> list[tuple[str, ...]]:
    """Return type, reason, source and message of the Events in a description."""
    _, _, table = description.partition("\nEvents:")
    rows = [line.split() for line in table.splitlines()[3:]]
    return [(row[0], row[1], row[-2], row[-1]) for row in rows]
