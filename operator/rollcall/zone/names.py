"""Domain names from text and to text: built of labels, never by joining text.

Wire names are absolute, uncompressed and in lower case (RFC 1035 section 3.1; RFC 4343 for the case).
"""

from functools import lru_cache

import dns.exception
import dns.name

from rollcall.dnswire.names import MAX_LABEL, MAX_NAME, ROOT, split


class InvalidName(ValueError):
    """A name that DNS can't hold; the message says which and why."""


def label(text: str) -> bytes:
    """Return one label in wire format.

    Raises:
        InvalidName: the label is empty, longer than 63 octets, or not ASCII.
    """
    try:
        raw = text.lower().encode("ascii")
    except UnicodeEncodeError:
        raise InvalidName(f"the label {text!r} is not ASCII") from None
    if not raw:
        raise InvalidName("a label is empty")
    if len(raw) > MAX_LABEL:
        raise InvalidName(f"the label {text!r} has {len(raw)} octets; DNS allows {MAX_LABEL}")
    return bytes((len(raw),)) + raw


@lru_cache(8192)  # most names of a change are those of its service, again and again
def below(parent: bytes, *labels: str) -> bytes:
    """Return the name of these labels, leftmost first, below another name.

    Raises:
        InvalidName: a label is invalid, or the whole is longer than 255 octets.
    """
    name = b"".join(map(label, labels)) + parent
    if len(name) > MAX_NAME:
        text = ".".join(each.decode(errors="replace") for each in split(name)[:-1])
        raise InvalidName(f"the name {text!r} has {len(name)} octets; DNS allows {MAX_NAME}")
    return name


def from_text(text: str) -> bytes:
    """Parse a name as users write it, with or without the last dot.

    Raises:
        InvalidName: it is not a domain name.
    """
    try:
        return dns.name.from_text(text.lower()).to_wire() or ROOT
    except (dns.exception.DNSException, UnicodeError) as error:
        raise InvalidName(f"{text!r} is not a domain name: {error}") from None


def to_text(name: bytes) -> str:
    """Write a name for people: escaped where it must be, without the last dot."""
    return dns.name.Name(split(name)).to_text(omit_final_dot=True)
