"""Catalog zones: what is in them, and when their members change."""

import asyncio
from collections.abc import Mapping

import pytest

from rollcall.dnswire.types import Type
from rollcall.feed.frames import TransferSettings, TransferZone
from rollcall.model import Secondary, Transfer
from rollcall.publish.transfer.journal.zones import TransferZones
from rollcall.publish.transfer.secondaries.catalog import HOLD_SECONDS, Catalogs, soa, unique
from rollcall.zone.exported import ExportedRRset, RRsetKey
from rollcall.zone.names import below, from_text
from unit.publish.transfer.journal.feeding import load, unfiled
from unit.publish.transfer.secondaries.secondary import transfer_zone

pytestmark = pytest.mark.looptime

CATALOG = from_text("catalog.example")
NS1 = Secondary("ns1", "192.0.2.1", key_secret="ns1")
NS2 = Secondary("ns2", "192.0.2.2")
A, B, C = (f"{each}.example.com" for each in "abc")


class Given:
    """Catalogs with settings that a test changes. The zones that these name have no content."""

    def __init__(self, *zones: TransferZone) -> None:
        self.zones = TransferZones(unfiled())
        self.catalogs = Catalogs(self.zones)
        self.zones.on_settings.append(self.catalogs.refresh)
        load(self.zones)
        self.change(*zones)

    def change(self, *zones: TransferZone) -> None:
        self.zones.configure(TransferSettings(True, zones, {}))

    @property
    def made(self) -> dict[bytes, Mapping[RRsetKey, ExportedRRset]]:
        """The content of each catalog."""
        served = {zone.apex: self.zones.get(zone.apex) for zone in self.zones.transfers()}
        return {apex: zone.content().rrsets for apex, zone in served.items() if zone is not None}

    def members(self, apex: bytes = CATALOG) -> set[bytes]:
        rrsets = self.made[apex].items()
        return {data for (_, rdtype), rrset in rrsets if rdtype == Type.PTR for data in rrset.records}

    def secondaries(self) -> tuple[Secondary, ...]:
        """Return who may transfer the catalog."""
        transfer = self.zones.transfer(CATALOG)
        assert transfer is not None
        return transfer.secondaries


def names(*texts: str) -> set[bytes]:
    return set(map(from_text, texts))


async def test_a_catalog_is_what_rfc_9432_asks_for() -> None:
    given = Given(transfer_zone(A, NS1, catalog="catalog.example"))

    owner = below(CATALOG, unique(from_text(A)), "zones")
    assert given.made == {
        CATALOG: {
            (CATALOG, Type.NS): ExportedRRset(0, (from_text("invalid"),)),
            (below(CATALOG, "version"), Type.TXT): ExportedRRset(0, (b"\x012",)),
            (owner, Type.PTR): ExportedRRset(0, (from_text(A),)),
        }
    }
    assert soa(7)[-20:-16] == (7).to_bytes(4, "big")
    assert given.catalogs.is_catalog(CATALOG)
    assert not given.catalogs.is_catalog(from_text(A))


async def test_zones_share_a_catalog_and_those_who_may_have_it() -> None:
    given = Given(
        transfer_zone(A, NS1, catalog="catalog.example", networks=["10.0.0.0/8"]),
        transfer_zone(B, NS1, NS2, catalog="catalog.example", networks=["10.0.0.0/8", "fd00::/8"]),
        transfer_zone(C, Secondary("ns3", "192.0.2.3")),
    )

    assert given.members() == names(A, B)
    assert given.zones.transfer(CATALOG) == Transfer((NS1, NS2), ("10.0.0.0/8", "fd00::/8"))


async def test_there_can_be_several() -> None:
    given = Given(transfer_zone(A, NS1, catalog="catalog.example"), transfer_zone(B, NS1, catalog="other"))

    assert given.members() == names(A)
    assert given.members(from_text("other")) == names(B)


async def test_labels_are_stable_and_differ() -> None:
    labels = {unique(from_text(f"{number}.example")) for number in range(1000)}

    assert len(labels) == 1000
    assert unique(from_text(A)) == unique(from_text(A.upper()))


async def test_a_zone_that_says_so_leaves_at_once() -> None:
    given = Given(
        transfer_zone(A, NS1, catalog="catalog.example"), transfer_zone(B, NS1, catalog="catalog.example")
    )

    given.change(transfer_zone(A, NS1, catalog="catalog.example"), transfer_zone(B, NS1))
    assert given.members() == names(A)

    given.change(transfer_zone(A, NS1), transfer_zone(B, NS1))
    assert given.members() == set()
    assert given.secondaries() == (NS1,)  # who has it shall hear of it


async def test_settings_without_a_zone_may_only_be_incomplete() -> None:
    both = (
        transfer_zone(A, NS1, catalog="catalog.example"),
        transfer_zone(B, NS2, catalog="catalog.example"),
    )
    given = Given(*both)

    given.change()
    await asyncio.sleep(HOLD_SECONDS - 1)
    assert given.members() == names(A, B)
    assert given.secondaries() == (NS1, NS2)

    given.change(*both)
    await asyncio.sleep(2 * HOLD_SECONDS)
    assert given.members() == names(A, B)


async def test_a_zone_that_stays_away_leaves() -> None:
    first, second = (
        transfer_zone(A, NS1, catalog="catalog.example"),
        transfer_zone(B, NS2, catalog="catalog.example"),
    )
    given = Given(first, second)

    given.change(first)
    await asyncio.sleep(HOLD_SECONDS / 2)
    given.change()
    await asyncio.sleep(HOLD_SECONDS / 2 + 1)
    assert given.members() == names(A)
    await asyncio.sleep(HOLD_SECONDS / 2)
    assert given.members() == set()


@pytest.mark.parametrize("catalog", [A, f"catalog.{A}", f"deep.down.{B}"])
async def test_a_catalog_inside_of_a_zone_is_a_problem(
    catalog: str, caplog: pytest.LogCaptureFixture
) -> None:
    given = Given(
        transfer_zone(A, NS1, catalog=catalog),
        transfer_zone(B, NS1),
        transfer_zone(C, NS1, catalog="catalog.example"),
    )

    assert given.made.keys() == {CATALOG}
    assert set(given.catalogs.problems) == names(A)
    assert catalog in given.catalogs.problems[from_text(A)]
    assert len(caplog.records) == 1

    given.catalogs.refresh()
    assert len(caplog.records) == 1

    given.change(transfer_zone(A, NS1, catalog="catalog.example"))
    assert given.catalogs.problems == {}


async def test_a_zone_that_comes_to_be_around_a_catalog_ends_it() -> None:
    given = Given(transfer_zone(A, NS1, catalog="catalog.example"))

    given.change(transfer_zone(A, NS1, catalog="catalog.example"), transfer_zone("catalog.example", NS1))

    assert given.made == {}
    assert not given.catalogs.is_catalog(CATALOG)
    assert set(given.catalogs.problems) == names(A)


async def test_a_name_that_is_none_is_a_problem() -> None:
    given = Given(transfer_zone(A, NS1, catalog="a..b"), transfer_zone(B, NS1, catalog="x." * 120))

    assert given.made == {}
    assert set(given.catalogs.problems) == names(A, B)
