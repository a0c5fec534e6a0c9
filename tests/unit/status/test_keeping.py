"""ServiceInstances that Rollcall has made and whose Service is gone; in virtual time."""

import asyncio

import msgspec
import pytest

from rollcall.directory import Directory
from rollcall.model import Key, Origin
from rollcall.status.keeping import InstanceKeeper
from unit.running import running
from unit.status.fake_api import FakeApi, forbidden, unreachable
from unit.world import resource, service

pytestmark = pytest.mark.looptime

WEB = Key("shop", "web")
PATH = "/apis/rollcall.dev/v1alpha1/namespaces/shop/serviceinstances/web"
OURS = {"manager": "rollcall-operator", "operation": "Update", "fieldsV1": {"f:spec": {}}}
THEIRS = {"manager": "kubectl-patch", "operation": "Update", "fieldsV1": {"f:spec": {"f:ttlSeconds": {}}}}
GRACE_SECONDS = 10.0


class Bench:
    """A Service and the ServiceInstance that was made for it."""

    def __init__(self) -> None:
        self.api = FakeApi()
        self.directory = Directory()
        self.keeper = InstanceKeeper(self.api, self.directory.get, GRACE_SECONDS, draw=max)
        self.directory.apply_service(service())
        self.api.add(PATH)
        self._metadata["managedFields"] = [OURS]
        self.tell()

    @property
    def _metadata(self) -> dict[str, object]:
        metadata: dict[str, object] = self.api.objects[PATH]["metadata"]
        return metadata

    @property
    def is_there(self) -> bool:
        return PATH in self.api.objects

    def tell(self) -> None:
        """Let the watch tell of the ServiceInstance as it is."""
        is_generated = self._metadata["managedFields"] == [OURS]
        told = msgspec.structs.replace(
            resource(), uid=str(self._metadata["uid"]), origin=Origin(is_generated=is_generated)
        )
        self.directory.apply_resource(told)
        self.keeper.mark(WEB)

    def write(self, _: str = "") -> None:
        """Have a user write its spec, of which the watch hasn't told yet."""
        self._metadata["managedFields"] = [OURS, THEIRS]
        self.api.touch(PATH)

    def lose_service(self) -> None:
        self.directory.remove_service(WEB)
        self.keeper.mark(WEB)

    def bring_service(self) -> None:
        self.directory.apply_service(service(uid="anew"))
        self.keeper.mark(WEB)


@pytest.fixture
async def bench() -> Bench:
    return Bench()


async def test_one_goes_once_its_service_has_been_gone_for_the_grace_time(bench: Bench) -> None:
    async with running(bench.keeper.run()):
        await asyncio.sleep(60)
        bench.lose_service()
        await asyncio.sleep(8)
        assert bench.api.calls == []
        await asyncio.sleep(8)
        assert not bench.is_there


async def test_one_whose_service_comes_again_stays_and_its_time_begins_anew(bench: Bench) -> None:
    async with running(bench.keeper.run()):
        for _ in range(3):
            bench.lose_service()
            await asyncio.sleep(8)
            bench.bring_service()
        await asyncio.sleep(60)
        for _ in range(3):  # and it comes and goes before anything is looked at
            bench.lose_service()
            await asyncio.sleep(8)
            bench.bring_service()
            bench.lose_service()
        assert bench.is_there
    assert bench.api.calls == []


async def test_one_that_somebody_has_written_stays(bench: Bench) -> None:
    bench.write()
    bench.tell()
    async with running(bench.keeper.run()):
        bench.lose_service()
        await asyncio.sleep(60)
    assert bench.api.calls == []


async def test_one_of_whose_writing_the_watch_has_not_told_yet_stays(bench: Bench) -> None:
    bench.write()
    async with running(bench.keeper.run()):
        bench.lose_service()
        await asyncio.sleep(60)
    assert bench.is_there


async def test_one_that_is_written_while_it_is_about_to_be_deleted_stays(bench: Bench) -> None:
    bench.api.before_patch = bench.write
    async with running(bench.keeper.run()):
        bench.lose_service()
        await asyncio.sleep(60)
    assert len(bench.api.made("delete")) == 1
    assert bench.is_there


async def test_one_whose_status_is_written_meanwhile_goes(bench: Bench) -> None:
    written = iter([True])

    def write_status(path: str) -> None:
        if next(written, False):
            bench.api.touch(path)

    bench.api.before_patch = write_status
    async with running(bench.keeper.run()):
        bench.lose_service()
        await asyncio.sleep(60)
    assert not bench.is_there


async def test_failures_are_tried_again(bench: Bench) -> None:
    bench.api.failures.extend([unreachable(), forbidden()])
    async with running(bench.keeper.run()):
        bench.lose_service()
        await asyncio.sleep(120)
    assert not bench.is_there


async def test_one_that_is_gone_already_is_no_trouble(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """As in a namespace that is being deleted."""
    del bench.api.objects[PATH]
    async with running(bench.keeper.run()):
        bench.lose_service()
        await asyncio.sleep(60)
    assert len(bench.api.calls) == 1
    assert caplog.records == []


async def test_who_leads_anew_waits_for_the_grace_time(bench: Bench) -> None:
    async with running(bench.keeper.run()):
        bench.lose_service()
        await asyncio.sleep(8)
    await asyncio.sleep(60)
    async with running(bench.keeper.run()):
        bench.keeper.mark(WEB)
        await asyncio.sleep(8)
        assert bench.is_there
        await asyncio.sleep(8)
        assert not bench.is_there
