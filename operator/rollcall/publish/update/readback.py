"""Reading single units back from the server, to decide what became of a write.

An answer is not yet what is there. Below a delegation or a DNAME it is of somewhere else; and a name that
does not exist is answered from a wildcard (RFC 4592), as if it did. Only prerequisites tell (RFC 2136 section
3.2): where an answer would keep something from being published, they are asked as well, in messages that
change nothing.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from rollcall.dnswire.header import AA, Opcode, Rcode, flags_of
from rollcall.dnswire.message import Message, message, question, record
from rollcall.dnswire.names import is_at_or_below
from rollcall.dnswire.types import CLASS_ANY, CLASS_NONE, IN, MANAGED_TYPES, Type
from rollcall.zone.marker import marker_name

from .cuts import CUT_TYPES, Cuts
from .reading import Reading
from .server_state import RRsets, held, names_of
from .session import Session

CHECKED = 200
"""Names in a message of prerequisites."""


async def read_units(session: Session, zone: bytes, units: Mapping[bytes, Collection[bytes]]) -> Reading:
    """Return what is at the markers of units and at further names of each. Raises as `Session.send`.

    The markers are read first: if somebody writes in between, our next write will be refused, and all of this
    repeated.
    """
    answers: dict[bytes, Message] = {}
    for owners in (map(marker_name, units), (owner for further in units.values() for owner in further)):
        names = [owner for owner in dict.fromkeys(owners) if owner not in answers]
        if names:
            received = await session.ask([(owner, Type.ANY) for owner in names])
            answers.update(zip(names, received, strict=True))
    found = {owner: _at(answer, owner) for owner, answer in answers.items()}
    cuts = await _cuts_in(session, zone, answers.items())
    for owner in found:
        if cuts.over(owner) is not None:
            found[owner] = {}
    doubtful = [owner for root, further in units.items() for owner in _doubtful(root, further, found)]
    in_use = await _in_use(session, zone, doubtful)
    for owner in doubtful:
        if owner not in in_use:
            found[owner] = {}
    return Reading(found, cuts)


async def read_cuts(session: Session, zone: bytes, names: Iterable[bytes]) -> Cuts:
    """Return the cuts at some names, and a DNAME of the whole zone. Raises as `Session.send`."""
    questions = [(zone, int(Type.DNAME)), *((name, int(Type.ANY)) for name in names)]
    answers = await session.ask(questions)
    return await _cuts_in(
        session, zone, ((name, answer) for (name, _), answer in zip(questions, answers, strict=True))
    )


async def _cuts_in(session: Session, zone: bytes, answers: Iterable[tuple[bytes, Message]]) -> Cuts:
    """Return the cuts that answers show at and above the names that were asked for."""
    seen = [each for name, answer in answers for each in _seen_cuts(zone, name, answer)]
    doubtful = list(dict.fromkeys(owner for owner, rdtype in seen if rdtype != Type.SOA))
    in_use = await _in_use(session, zone, doubtful)
    cuts = Cuts()
    for owner, rdtype in seen:
        if rdtype == Type.SOA:  # the server has the zone that is delegated as well
            cuts.add(owner, int(Type.NS))
        elif owner in in_use:
            cuts.add(owner, rdtype)
    return cuts


def _doubtful(root: bytes, further: Iterable[bytes], found: Mapping[bytes, RRsets]) -> list[bytes]:
    """Return the names of a unit that are somebody else's, if they are really there.

    What a wildcard shows at a name of a unit that is marked does no harm if we may replace it anyway.
    """
    own = found[marker_name(root)]
    is_marked = Type.TXT in own and held(own[Type.TXT]) is not None
    doubtful = [] if is_marked or not own else [marker_name(root)]
    harmless = MANAGED_TYPES if is_marked else frozenset[int]()
    return doubtful + [owner for owner in further if not found[owner].keys() <= harmless]


async def _in_use(session: Session, zone: bytes, names: Sequence[bytes]) -> set[bytes]:
    """Return which names have records of their own; all, as far as the server takes no such question."""
    in_use: set[bytes] = set()
    groups = [names[at : at + CHECKED] for at in range(0, len(names), CHECKED)]
    while groups:
        group = groups.pop()
        rcode = await _check(session, zone, group, CLASS_NONE)  # "Name is not in use", section 2.4.5
        if rcode == Rcode.NOERROR:
            continue
        is_mixed = rcode == Rcode.YXDOMAIN and len(group) > 1
        if is_mixed and await _check(session, zone, group, CLASS_ANY) == Rcode.NXDOMAIN:  # "is in use", 2.4.4
            half = len(group) // 2
            groups += [group[:half], group[half:]]
        else:
            in_use.update(group)
    return in_use


async def _check(session: Session, zone: bytes, names: Iterable[bytes], rdclass: int) -> int:
    """Return what a server says to one prerequisite for each of some names."""
    prerequisites = [record(name, Type.ANY, rdclass, 0) for name in names]
    head = [question(zone, Type.SOA)]
    return await session.check(message(session.next_id(), flags_of(Opcode.UPDATE), head, prerequisites))


def _seen_cuts(zone: bytes, name: bytes, answer: Message) -> Iterator[tuple[bytes, int]]:
    """Yield what an answer shows of cuts at and above the name that was asked for: owner and type.

    A wildcard NS or DNAME is shown as one at each name that doesn't exist.
    """
    is_referral = not (answer.answers or answer.flags & AA)
    for found in (*answer.answers, *answer.authorities):
        rdtype = found.rdtype
        if rdtype != Type.SOA and (
            rdtype not in CUT_TYPES or (found in answer.authorities and not is_referral)
        ):
            continue
        is_apex = rdtype != Type.DNAME and found.owner == zone
        if not is_apex and is_at_or_below(name, found.owner) and is_at_or_below(found.owner, zone):
            yield found.owner, rdtype


def _at(answer: Message, owner: bytes) -> RRsets:
    records = (
        (record.owner, record.rdtype, record.ttl, record.data)
        for record in answer.answers
        if record.owner == owner and record.rdclass == IN
    )
    return names_of(records).get(owner, {})
