"""Reading single units back from the server, to decide what became of a write."""

from collections.abc import Iterable, Mapping, Sequence

from rollcall.dnswire.message import Message
from rollcall.dnswire.types import IN, Type
from rollcall.zone.exported import ExportedRRset
from rollcall.zone.marker import marker_name

from .server_state import names_of
from .session import Session


async def read_markers(session: Session, roots: Sequence[bytes]) -> dict[bytes, ExportedRRset | None]:
    """Return the TXT RRset at the marker of each unit, None where there is none. Raises as `Session.send`."""
    answers = await session.ask([(marker_name(root), Type.TXT) for root in roots])
    found: dict[bytes, ExportedRRset | None] = {}
    for root, answer in zip(roots, answers, strict=True):
        found[root] = _at(answer, marker_name(root)).get(Type.TXT)
    return found


async def read_names(session: Session, owners: Iterable[bytes]) -> dict[bytes, Mapping[int, ExportedRRset]]:
    """Return all RRsets at each of these names. Raises as `Session.send`."""
    names = list(owners)
    answers = await session.ask([(owner, Type.ANY) for owner in names])
    return {owner: _at(answer, owner) for owner, answer in zip(names, answers, strict=True)}


def _at(answer: Message, owner: bytes) -> dict[int, ExportedRRset]:
    records = (
        (record.owner, record.rdtype, record.ttl, record.data)
        for record in answer.answers
        if record.owner == owner and record.rdclass == IN
    )
    return names_of(records).get(owner, {})
