"""Record types: the one table of what there is to know of each, for all who read, serve or write records.

Whatever is kept by type elsewhere follows from RECORD_TYPES. A new type is a member of `Type` and a row here;
one that is managed has a form for octoDNS too (`publish.octodns.desired`), and a test says if it is missing.
"""

from enum import IntEnum
from typing import NamedTuple

IN = 1
CLASS_NONE = 254
CLASS_ANY = 255


class Type(IntEnum):
    """Types of records and questions that are known by name; every other one is passed on as it is.

    Looking up a member costs ten times what a global costs: what runs once a record keeps a constant of it.
    """

    A = 1
    NS = 2
    CNAME = 5
    SOA = 6
    PTR = 12
    MX = 15
    TXT = 16
    AAAA = 28
    SRV = 33
    DNAME = 39
    OPT = 41
    TSIG = 250
    IXFR = 251
    AXFR = 252
    ANY = 255


META_TYPES = frozenset((Type.OPT, Type.TSIG, Type.IXFR, Type.AXFR, Type.ANY))
"""Types that no zone holds: parts of messages, and questions for more than records of one type (RFC 6895)."""


class RecordType(NamedTuple):
    """A type that zones hold. No field has a default: each is decided when a type is added.

    Its data is `fixed` octets, then as many domain names as `names` says, which may be compressed in a
    message (RFC 3597 section 4), then the rest. The addresses of the host that it names belong in the
    additional section if `has_additional`. If `is_hot`, DNS workers keep ready-made answers; if `is_managed`,
    its records are written to and deleted from other servers (those of TXT only as markers).
    """

    type: Type
    fixed: int
    names: int
    has_additional: bool
    is_hot: bool
    is_managed: bool


# fmt: off
RECORD_TYPES = (
    #                     fixed  names  additional  hot  managed
    RecordType(Type.A,        0,     0,  False,    True,  True),
    RecordType(Type.NS,       0,     1,  True,     True,  False),
    RecordType(Type.CNAME,    0,     1,  False,    False, False),
    RecordType(Type.SOA,      0,     2,  False,    True,  False),
    RecordType(Type.PTR,      0,     1,  False,    True,  True),
    RecordType(Type.MX,       2,     1,  False,    True,  False),
    RecordType(Type.TXT,      0,     0,  False,    True,  False),
    RecordType(Type.AAAA,     0,     0,  False,    True,  True),
    RecordType(Type.SRV,      6,     1,  True,     True,  True),
    RecordType(Type.DNAME,    0,     1,  False,    False, False),
)
# fmt: on

ADDRESS_TYPES = (int(Type.A), int(Type.AAAA))

MANAGED_TYPES = frozenset(int(row.type) for row in RECORD_TYPES if row.is_managed)
"""The types that a unit holds at another server beside its marker. Others are left alone everywhere."""
