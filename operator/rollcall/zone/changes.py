"""What a change to a zone is, on its way to whoever answers for it.

Names are wire format (RFC 1035 section 3.1): uncompressed, absolute, lower case. Record data is wire format,
uncompressed. A consumer starts empty and applies deltas in order; the state of a whole zone is the delta from
nothing, so that there is one code path for both.
"""

import msgspec

MAX_ANSWER = 64
"""The largest number of records of one RRset in one answer, unless asked otherwise.

BIND refuses a zone with 100, musl keeps 48.
"""


def all_up_to(most: int) -> int:
    """Return the `count` of an RRset that is answered whole, of a larger one the same `most` to everybody."""
    return -most


class RRsetDelta(msgspec.Struct, frozen=True, array_like=True):
    """Records leaving and joining one RRset.

    `ttl` (seconds) and `count` replace what was there before. `count` is the answer policy: how many records
    one answer holds at most, picked by weight without replacement (1: One, k: Random); or `all_up_to` so many
    (All). A record in `add` that is there already takes the new weight. An RRset with no record left is gone.

    `withheld` are all those of its records that are not published where records carry no weights, unless that
    would leave none; it replaces what was there before. So does `canary`: those of its records that are on
    the canary's side of a release, told only of a set that somebody may have to cut.
    """

    owner: bytes
    rdtype: int
    ttl: int
    count: int
    remove: tuple[bytes, ...] = ()
    add: tuple[tuple[bytes, int], ...] = ()
    withheld: tuple[bytes, ...] = ()
    canary: tuple[bytes, ...] = ()


class ZoneDelta(msgspec.Struct, frozen=True, array_like=True):
    """One version of a zone to the next: what must be seen together, or not at all.

    `soa` is the record data of the SOA with the new serial, `soa_ttl` its TTL: the negative ttl of the zone.
    `negative_ttls` (owner, seconds) hold for negative answers at and below an owner; -1 takes one back.
    `names` (owner, whether) are those that exist whether or not they have records, or no longer do.
    `gone` withdraws the zone as a whole: nothing else is set.
    """

    apex: bytes
    serial: int
    soa: bytes = b""
    soa_ttl: int = 0
    rrsets: tuple[RRsetDelta, ...] = ()
    negative_ttls: tuple[tuple[bytes, int], ...] = ()
    gone: bool = False
    names: tuple[tuple[bytes, bool], ...] = ()
