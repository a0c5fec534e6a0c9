"""When the reader reads again. In virtual time."""

import asyncio

import pytest

from nameservers import KEY
from rollcall.model import KeyRing, UpdateTarget, parse_key
from rollcall.publish.update.message import UnitUpdate
from rollcall.publish.update.publication import Publication
from rollcall.publish.update.reader import FIRST_RETRY_SECONDS, PAUSE_SECONDS, REPAIR_SECONDS, Reader
from rollcall.publish.update.session import UpdateServer
from rollcall.zone.exported import ExportedRRset
from unit.running import running
from updates.source import IDENTITY, Source

pytestmark = pytest.mark.looptime


@pytest.fixture
def publication() -> Publication:
    spec = UpdateTarget("target", "192.0.2.1", "secret")
    return Publication(Source().published, spec, IDENTITY, lambda: 1)


@pytest.fixture
def looks(publication: Publication, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When it has read."""
    times: list[float] = []

    async def read_back(self: Reader) -> None:
        times.append(asyncio.get_running_loop().time())

    monkeypatch.setattr(Reader, "read_back", read_back)
    return times


def reader_of(publication: Publication) -> Reader:
    ring = KeyRing(parse_key(KEY))
    server, apex = UpdateServer("192.0.2.1", 53), Source().apex
    return Reader(
        server, apex, IDENTITY, publication, lambda: ring, due=asyncio.Event(), found=asyncio.Event()
    )


async def test_a_unit_that_stays_unsure_is_read_soon_and_then_less_and_less_often(
    publication: Publication, looks: list[float]
) -> None:
    """Writes of ours have overlapped each reading that was to make sure of it."""
    root = Source().root("web.shop")
    publication.knowledge.doubt(UnitUpdate(root, None, ExportedRRset(5, ())))
    async with running(reader_of(publication).run()):
        await asyncio.sleep(5)
        assert len(looks) >= 3
        assert looks[0] <= FIRST_RETRY_SECONDS
        await asyncio.sleep(300)
        assert looks[-1] - looks[-2] >= REPAIR_SECONDS / 2, "it doesn't read all the time"
        publication.knowledge.trust(root)
        await asyncio.sleep(2 * REPAIR_SECONDS)
        publication.knowledge.doubt(UnitUpdate(root, None, ExportedRRset(5, ())))
        count = len(looks)
        await asyncio.sleep(1.1 * REPAIR_SECONDS + 5)
        assert len(looks) >= count + 3, "the waits have started over"


async def test_it_reads_twice_a_minute_where_nothing_is_unsure(
    publication: Publication, looks: list[float]
) -> None:
    async with running(reader_of(publication).run()):
        await asyncio.sleep(600)
    assert 600 / (1.1 * REPAIR_SECONDS + PAUSE_SECONDS) - 1 <= len(looks) <= 600 / (0.9 * REPAIR_SECONDS)
