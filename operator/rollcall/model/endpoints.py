"""What Rollcall reads of EndpointSlices: those that somebody writes for a Service without a selector.

As slim as what it reads of pods.
"""

from enum import StrEnum

import msgspec

from .instance import InstancePort
from .keys import Key


class AddressType(StrEnum):
    """What the addresses of an EndpointSlice are; other types may come."""

    IPV4 = "IPv4"
    IPV6 = "IPv6"
    FQDN = "FQDN"


class Endpoint(msgspec.Struct, frozen=True):
    """One endpoint of a slice.

    `addresses` are as written: the directory checks them. `ready` and `serving` are True where the slice
    doesn't say (nil is to be read so); one that is terminating may be serving and not ready. `hostname` is ""
    where it has none, `node` and `zone` likewise.
    """

    addresses: tuple[str, ...]
    ready: bool = True
    serving: bool = True
    terminating: bool = False
    hostname: str = ""
    node: str = ""
    zone: str = ""


class EndpointSlice(msgspec.Struct, frozen=True):
    """An EndpointSlice of the Service `service`, "" where it names none.

    `ports` are those that have a number: one without stands for all ports, which no record can say.
    """

    key: Key
    uid: str
    service: str
    address_type: str = AddressType.IPV4
    endpoints: tuple[Endpoint, ...] = ()
    ports: tuple[InstancePort, ...] = ()
