"""Questions to the embedded server, over UDP and TCP, with cookies and without."""

from fuzz.target import Target
from unit.serve.fuzzed import QUERIES, check

_TRANSPORTS = ("UDP", "TCP")


def feed(octets: bytes) -> None:
    """Ask what follows the first octet, which says over what."""
    if octets:
        check(octets[1:], _TRANSPORTS[octets[0] & 1])


TARGET = Target([bytes((transport,)) + query for query in QUERIES for transport in (0, 1)], feed)
