"""Random zones and their versions, and what a secondary makes of what it gets."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from hypothesis import strategies as st

from owners import OWNER
from rollcall.dnswire.types import Type
from rollcall.publish.transfer.journal.difference import RRsetItem
from rollcall.publish.transfer.journal.journal import Head, Journal
from rollcall.publish.transfer.journal.journal_file import JournalFile
from rollcall.publish.transfer.journal.journaled_zone import JournaledZone
from rollcall.zone.exported import ExportedRRset, RRsetKey
from rollcall.zone.names import below, from_text
from rollcall.zone.soa import soa_data

APEX = from_text("k8s.example.com")
Rrsets = dict[RRsetKey, ExportedRRset]
Records = set[tuple[RRsetKey, int, bytes]]

KEYS = [(below(APEX, f"n{number}"), rdtype) for number in range(3) for rdtype in (Type.A, Type.TXT)]

rrset = st.builds(
    ExportedRRset,
    st.sampled_from([5, 30]),
    st.sets(st.binary(min_size=4, max_size=4), min_size=1, max_size=4).map(lambda data: tuple(sorted(data))),
)
content = st.dictionaries(st.sampled_from(KEYS), rrset)
"""The RRsets of a zone."""

steps = st.lists(st.tuples(content, st.integers(1, 3)), min_size=1, max_size=12)
"""Contents of versions, and by how much the serial rises for each."""


def head(serial: int) -> Head:
    return Head(serial, soa_data(from_text("ns.invalid"), below(APEX, "hostmaster"), serial, 5), 5)


def served(journal: Journal | None = None) -> JournaledZone:
    """Make a zone whose file nobody writes."""
    journal = journal or Journal()
    return JournaledZone(APEX, journal, JournalFile(APEX, Path("nowhere"), OWNER, journal))


def records(rrsets: Mapping[RRsetKey, ExportedRRset] | Iterable[RRsetItem]) -> Records:
    items = rrsets.items() if isinstance(rrsets, Mapping) else rrsets
    return {(key, ttl, data) for key, (ttl, members) in items for data in members}


def versions(sequence: list[tuple[Rrsets, int]], first: int = 100) -> Iterator[tuple[int, Rrsets]]:
    """Give serial and content of each version."""
    serial = first
    for rrsets, step in sequence:
        serial = (serial + step) & 0xFFFFFFFF
        yield serial, rrsets
