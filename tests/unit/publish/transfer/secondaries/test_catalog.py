"""Catalog zones: what is in them, and when their members change."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from rollcall.feed.frames import Settings, TransferZone
from rollcall.model import Secondary, Transfer
from rollcall.publish.transfer.secondaries.catalog import HOLD_SECONDS, Catalogs, soa, unique
from rollcall.zone import rdata as rd
from rollcall.zone.exported import ExportedRRset, RRsetKey
from rollcall.zone.names import below, from_text
from unit.publish.transfer.secondaries.secondary import transfer_zone

pytestmark = pytest.mark.looptime

CATALOG = from_text("catalog.example")
NS1 = Secondary("ns1", "192.0.2.1", key_secret="ns1")
NS2 = Secondary("ns2", "192.0.2.2")
A, B, C = (f"{each}.example.com" for each in "abc")


@dataclass
class Made:
    """The generated zones, and the settings that they come of."""

    current_settings: Settings | None = None
    zones: dict[bytes, dict[RRsetKey, ExportedRRset]] = field(default_factory=dict)
    access: dict[bytes, Transfer] = field(default_factory=dict)

    def generate(
        self,
        apex: bytes,
        rrsets: Mapping[RRsetKey, ExportedRRset],
        soa: Callable[[int], bytes],
        soa_ttl: int,
        transfer: Transfer,
    ) -> None:
        self.zones[apex], self.access[apex] = dict(rrsets), transfer

    def withdraw(self, apex: bytes) -> None:
        del self.zones[apex], self.access[apex]

    def members(self, apex: bytes = CATALOG) -> set[bytes]:
        rrsets = self.zones[apex].items()
        return {data for (_, rdtype), rrset in rrsets if rdtype == rd.PTR for data in rrset.records}


class Given:
    """Catalogs with settings that a test changes."""

    def __init__(self, *zones: TransferZone) -> None:
        self.made = Made()
        self.catalogs = Catalogs(self.made)
        self.set(*zones)

    def set(self, *zones: TransferZone) -> None:
        self.made.current_settings = Settings(True, zones, {})
        self.catalogs.configured()


def names(*texts: str) -> set[bytes]:
    return set(map(from_text, texts))


async def test_a_catalog_is_what_rfc_9432_asks_for() -> None:
    given = Given(transfer_zone(A, NS1, catalog="catalog.example"))

    owner = below(CATALOG, unique(from_text(A)), "zones")
    assert given.made.zones == {
        CATALOG: {
            (CATALOG, rd.NS): ExportedRRset(0, (from_text("invalid"),)),
            (below(CATALOG, "version"), rd.TXT): ExportedRRset(0, (b"\x012",)),
            (owner, rd.PTR): ExportedRRset(0, (from_text(A),)),
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

    assert given.made.members() == names(A, B)
    assert given.made.access == {CATALOG: Transfer((NS1, NS2), ("10.0.0.0/8", "fd00::/8"))}


async def test_there_can_be_several() -> None:
    given = Given(transfer_zone(A, NS1, catalog="catalog.example"), transfer_zone(B, NS1, catalog="other"))

    assert given.made.members() == names(A)
    assert given.made.members(from_text("other")) == names(B)


async def test_labels_are_stable_and_differ() -> None:
    labels = {unique(from_text(f"{number}.example")) for number in range(1000)}

    assert len(labels) == 1000
    assert unique(from_text(A)) == unique(from_text(A.upper()))


async def test_a_zone_that_says_so_leaves_at_once() -> None:
    given = Given(
        transfer_zone(A, NS1, catalog="catalog.example"), transfer_zone(B, NS1, catalog="catalog.example")
    )

    given.set(transfer_zone(A, NS1, catalog="catalog.example"), transfer_zone(B, NS1))
    assert given.made.members() == names(A)

    given.set(transfer_zone(A, NS1), transfer_zone(B, NS1))
    assert given.made.members() == set()
    assert given.made.access[CATALOG].secondaries == (NS1,)  # who has it shall hear of it


async def test_settings_without_a_zone_may_only_be_incomplete() -> None:
    both = (
        transfer_zone(A, NS1, catalog="catalog.example"),
        transfer_zone(B, NS2, catalog="catalog.example"),
    )
    given = Given(*both)

    given.set()
    await asyncio.sleep(HOLD_SECONDS - 1)
    assert given.made.members() == names(A, B)
    assert given.made.access[CATALOG].secondaries == (NS1, NS2)

    given.set(*both)
    await asyncio.sleep(2 * HOLD_SECONDS)
    assert given.made.members() == names(A, B)


async def test_a_zone_that_stays_away_leaves() -> None:
    first, second = (
        transfer_zone(A, NS1, catalog="catalog.example"),
        transfer_zone(B, NS2, catalog="catalog.example"),
    )
    given = Given(first, second)

    given.set(first)
    await asyncio.sleep(HOLD_SECONDS / 2)
    given.set()
    await asyncio.sleep(HOLD_SECONDS / 2 + 1)
    assert given.made.members() == names(A)
    await asyncio.sleep(HOLD_SECONDS / 2)
    assert given.made.members() == set()


@pytest.mark.parametrize("catalog", [A, f"catalog.{A}", f"deep.down.{B}"])
async def test_a_catalog_inside_of_a_zone_is_a_problem(
    catalog: str, caplog: pytest.LogCaptureFixture
) -> None:
    given = Given(
        transfer_zone(A, NS1, catalog=catalog),
        transfer_zone(B, NS1),
        transfer_zone(C, NS1, catalog="catalog.example"),
    )

    assert given.made.zones.keys() == {CATALOG}
    assert set(given.catalogs.problems) == names(A)
    assert catalog in given.catalogs.problems[from_text(A)]
    assert len(caplog.records) == 1

    given.catalogs.configured()
    assert len(caplog.records) == 1

    given.set(transfer_zone(A, NS1, catalog="catalog.example"))
    assert given.catalogs.problems == {}


async def test_a_zone_that_comes_to_be_around_a_catalog_ends_it() -> None:
    given = Given(transfer_zone(A, NS1, catalog="catalog.example"))

    given.set(transfer_zone(A, NS1, catalog="catalog.example"), transfer_zone("catalog.example", NS1))

    assert given.made.zones == {}
    assert not given.catalogs.is_catalog(CATALOG)
    assert set(given.catalogs.problems) == names(A)


async def test_a_name_that_is_none_is_a_problem() -> None:
    given = Given(transfer_zone(A, NS1, catalog="a..b"), transfer_zone(B, NS1, catalog="x." * 120))

    assert given.made.zones == {}
    assert set(given.catalogs.problems) == names(A, B)
