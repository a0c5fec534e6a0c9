"""Which records stand for a set that is larger than what may be told of it: the same ones for everybody.

They follow from the records alone, those whose hashes are smallest: a change of one member changes at most
two of what is chosen, and every worker, replica and target chooses the same, before and after a restart. A
draw for each answer would tell a consumer that takes the set for the truth of members that come and go.
"""

import hashlib
from collections.abc import Collection
from functools import lru_cache
from heapq import nsmallest

from rollcall.dnswire.types import Type

_SRV = int(Type.SRV)
_PORT_OFFSET = 4  # behind priority and weight, in the data of a SRV record


def chosen(rdtype: int, members: Collection[bytes], most: int) -> list[bytes]:
    """Return `most` of the records' data, in the order in which they would be given up last."""
    return nsmallest(most, members, key=lambda data: rank(rdtype, data))


def rank(rdtype: int, data: bytes) -> bytes:
    """Return a record's place in the choice. The weight of a SRV record doesn't move it: a canary goes on."""
    return _hash(data[_PORT_OFFSET:] if rdtype == _SRV else data)


@lru_cache(maxsize=1 << 16)
def _hash(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=8).digest()
