"""Which side of a release an answer shows: every address and every target in it is looked at."""

import struct
from collections.abc import Mapping
from enum import IntEnum

from bench.questions import RECORD, SRV, A, skip_name

_HEADER_SIZE = 12
_SRV_TARGET = 6
"""Where in an SRV record's data the name of its target begins (RFC 2782)."""


class Side(IntEnum):
    """What an answer shows. The first two are the sides themselves."""

    FIRST = 0
    SECOND = 1
    MIXED = 2
    EMPTY = 3
    STRANGE = 4
    """It holds what is of neither side."""

    FAILED = 5
    """Another rcode than NOERROR, or no answer at all to our question."""


def side_of(message: bytes, sides: Mapping[bytes, Side]) -> Side:
    """Read a whole answer; a cut one is judged by what is left of it.

    `sides` gives the side of each address, as in an A record, and of the first label of each SRV target.
    """
    try:
        _, flags, questions, *counts = struct.unpack_from(">6H", message)
        if not flags & 0x8000 or flags & 0xF or questions != 1:
            return Side.FAILED
        position = skip_name(message, _HEADER_SIZE) + 4
        seen = set()
        for _ in range(sum(counts)):
            position = skip_name(message, position)
            rdtype, _, _, length = RECORD.unpack_from(message, position)
            position += RECORD.size
            if rdtype == A:
                seen.add(sides.get(message[position : position + length], Side.STRANGE))
            elif rdtype == SRV:
                target = position + _SRV_TARGET
                label = message[target + 1 : target + 1 + message[target]]
                seen.add(sides.get(label, Side.STRANGE))
            position += length
    except (struct.error, IndexError):
        return Side.FAILED
    if not counts[0]:
        return Side.EMPTY
    if Side.STRANGE in seen:
        return Side.STRANGE
    return Side.MIXED if len(seen) > 1 else seen.pop()
