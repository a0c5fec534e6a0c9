"""Which zones are served, what versions they have, and who hears of them."""

import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from owners import OWNER
from rollcall.dnswire.types import Type
from rollcall.feed.errors import DeltaError
from rollcall.feed.frames import TransferSettings, TransferZone
from rollcall.model import Transfer
from rollcall.publish.transfer.journal.archive import Archive
from rollcall.publish.transfer.journal.difference import small_difference
from rollcall.publish.transfer.journal.journal import Head
from rollcall.publish.transfer.journal.zones import TransferZones
from rollcall.zone.changes import RRsetDelta, ZoneDelta
from rollcall.zone.exported import ExportedRRset, RRsetKey
from rollcall.zone.names import from_text
from rollcall.zone.soa import soa_data
from transfers.source import A, ZoneSource
from unit.publish.transfer.journal.feeding import load

CATALOG = from_text("catalog.example")
INVALID = from_text("invalid")


class NotedArchive(Archive):
    """An archive that is not run, so that it writes nothing; it notes what it is told to remove."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, OWNER)
        self.forgotten: list[bytes] = []
        self.retained: set[bytes] | None = None

    def forget(self, apex: bytes) -> None:
        self.forgotten.append(apex)
        super().forget(apex)

    def retain(self, apexes: Iterable[bytes]) -> None:
        self.retained = set(apexes)
        super().retain(self.retained)


class Heard:
    """Zones, and what was heard of them."""

    def __init__(self) -> None:
        self.archive = NotedArchive(Path("nowhere"))
        self.zones = TransferZones(self.archive)
        self.events: list[object] = []
        self.zones.on_version.append(lambda apex: self.events.append((apex, self.zones.serial(apex))))
        self.zones.on_settings.append(lambda: self.events.append("settings"))

    def take(self) -> list[object]:
        events, self.events = self.events, []
        return events


@pytest.fixture
def heard() -> Heard:
    return Heard()


def naming(*sources: ZoneSource, leading: bool = True) -> TransferSettings:
    return TransferSettings(leading, tuple(TransferZone(each.apex, Transfer()) for each in sources), {})


def web(source: ZoneSource, *addresses: int) -> ZoneDelta:
    return source.put({(source.name("web"), A): [bytes((10, 0, 0, each)) for each in addresses]})


def catalog(zones: TransferZones, *members: str) -> None:
    rrsets: dict[RRsetKey, ExportedRRset] = {
        (from_text(f"m{number}.zones.catalog.example"), Type.PTR): ExportedRRset(0, (from_text(member),))
        for number, member in enumerate(members)
    }
    zones.generate(CATALOG, rrsets, lambda serial: soa_data(INVALID, INVALID, serial, 0), 0, Transfer())


def test_a_zone_is_served_when_it_is_named_and_known(heard: Heard):
    source, other = ZoneSource(), ZoneSource("other.example")
    heard.zones.configure(naming(source))
    assert heard.take() == ["settings"]
    assert heard.zones.serial(source.apex) is None
    load(heard.zones, source, other)
    assert heard.take() == [(source.apex, 1000)]
    assert [zone.apex for zone in heard.zones.transfers()] == [source.apex]
    assert heard.zones.get(other.apex) is None
    heard.zones.apply_delta(web(other, 1))
    heard.zones.apply_delta(web(source, 1))
    assert heard.take() == [(source.apex, 1001)]
    assert heard.zones.head(source.apex) == Head(1001, source.soa, 5)
    heard.zones.configure(naming(source, other))
    assert heard.take() == ["settings", (other.apex, 1001)]
    heard.zones.configure(naming(other))
    assert heard.zones.get(source.apex) is None
    assert heard.zones.serial(source.apex) is None


def test_a_new_zone_and_one_that_goes(heard: Heard):
    source, new = ZoneSource(), ZoneSource("new.example")
    heard.zones.configure(naming(source, new))
    load(heard.zones, source)
    heard.take()
    heard.zones.apply_delta(new.whole())
    assert heard.take() == [(new.apex, 1000)]
    heard.zones.apply_delta(ZoneDelta(new.apex, 1001, gone=True))
    assert heard.zones.get(new.apex) is None
    assert heard.archive.forgotten == [new.apex]
    load(heard.zones, new)
    assert heard.zones.get(source.apex) is None
    assert heard.archive.forgotten == [new.apex, source.apex]


def test_a_new_whole_state_is_one_version(heard: Heard):
    source = ZoneSource()
    heard.zones.configure(naming(source))
    load(heard.zones, source)
    heard.take()
    load(heard.zones, source)
    assert heard.take() == []
    for number in range(5):
        web(source, number)
    load(heard.zones, source)
    assert heard.take() == [(source.apex, 1005)]
    zone = heard.zones.get(source.apex)
    assert zone
    net = small_difference(zone, 1000)
    assert net
    assert net.record_count == 1
    heard.zones.apply_delta(web(source, 9))
    assert zone.journal.entry_count == 2
    assert zone.content().rrsets[source.name("web"), A].records == (b"\x0a\0\0\x09",)


def test_versions_of_another_leader_are_not_ours(heard: Heard):
    """What we called 1001 to 1003 while another replica led may be something else there."""
    source = ZoneSource()
    heard.zones.configure(naming(source))
    load(heard.zones, source)
    heard.zones.configure(naming(source, leading=False))
    heard.take()
    for number in range(3):
        heard.zones.apply_delta(web(source, number))
    load(heard.zones, source)
    assert heard.take() == []
    assert heard.zones.get(source.apex) is None
    assert heard.zones.serial(source.apex) == 1003
    heard.zones.configure(naming(source))
    assert heard.take() == ["settings", (source.apex, 1003)]
    zone = heard.zones.get(source.apex)
    assert zone
    assert [serial for serial in range(1000, 1003) if small_difference(zone, serial)] == [1000]
    net = small_difference(zone, 1000)
    assert net
    assert net.record_count == 1


def test_a_generated_zone(heard: Heard):
    before = int(time.time())
    catalog(heard.zones, "a.example")
    heard.zones.configure(naming())
    assert heard.zones.get(CATALOG) is None, "before the first state nobody knows which zones there are"
    load(heard.zones)
    first = heard.zones.serial(CATALOG)
    assert first
    assert first >= before
    assert heard.take() == ["settings", (CATALOG, first)]
    assert heard.archive.retained == {CATALOG}
    catalog(heard.zones, "a.example")
    assert heard.take() == []
    catalog(heard.zones, "a.example", "b.example")
    second = heard.zones.serial(CATALOG)
    assert second
    assert second > first
    assert heard.take() == [(CATALOG, second)]
    zone = heard.zones.get(CATALOG)
    assert zone
    assert small_difference(zone, first)
    heard.zones.overtake(CATALOG, second + 1_000_000)
    assert heard.zones.serial(CATALOG) == second + 1_000_001
    heard.zones.overtake(CATALOG, 5)
    assert heard.zones.serial(CATALOG) == second + 1_000_001
    heard.zones.withdraw(CATALOG)
    assert heard.zones.get(CATALOG) is None
    assert heard.archive.forgotten == [CATALOG]


def test_a_generated_zone_gets_serials_from_the_leader_alone(heard: Heard):
    heard.zones.configure(naming(leading=False))
    load(heard.zones)
    catalog(heard.zones, "a.example")
    assert heard.zones.serial(CATALOG) is None
    heard.zones.configure(naming())
    assert heard.zones.serial(CATALOG)


def test_who_hears_the_settings_may_make_a_zone(heard: Heard):
    """Versions are told when everybody knows the settings."""
    source = ZoneSource()
    load(heard.zones, source)
    heard.zones.on_settings.insert(0, lambda: catalog(heard.zones, "a.example"))
    heard.zones.configure(naming(source))
    assert heard.take() == [
        "settings",
        (source.apex, 1000),
        (CATALOG, heard.zones.serial(CATALOG)),
    ]


@pytest.mark.parametrize(
    "delta",
    [
        ZoneDelta(from_text("k8s.example.com"), 5),
        ZoneDelta(
            from_text("k8s.example.com"), 5, b"soa", 5, (RRsetDelta(from_text("else.example"), A, 5, 8),)
        ),
    ],
)
def test_what_cannot_be(heard: Heard, delta: ZoneDelta):
    with pytest.raises(DeltaError):
        heard.zones.load(delta)
    with pytest.raises(DeltaError):
        heard.zones.apply_delta(delta)
