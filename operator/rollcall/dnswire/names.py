"""Domain names in wire format: their labels, and pointers to them (RFC 1035 sections 3.1 and 4.1.4).

A name by itself is uncompressed, absolute and in lower case.
"""

from collections.abc import Iterator

from .errors import MalformedMessage
from .header import HEADER_SIZE

MAX_LABEL = 63
MAX_NAME = 255

ROOT = b"\0"

POINTER = 0xC000
"""The two bits that make two octets a compression pointer."""

MAX_POINTER = 0x3FFF
"""The last offset in a message that a pointer can name."""

_POINTER_OCTET = POINTER >> 8


def pointer(offset: int) -> bytes:
    """Return a pointer to what is at an offset of the message, which is MAX_POINTER at most."""
    return (POINTER | offset).to_bytes(2, "big")


QUESTION_NAME = pointer(HEADER_SIZE)
"""A pointer to the name of the question, which is where the header ends."""


def suffixes(name: bytes) -> Iterator[bytes]:
    """Yield a name, then those above it, nearest first; the root is left out."""
    at = 0
    while name[at]:
        yield name[at:]
        at += name[at] + 1


def parent(name: bytes) -> bytes:
    """Return the name above one that is not the root."""
    return name[name[0] + 1 :]


def split(name: bytes) -> list[bytes]:
    """Return the labels of a name, leftmost first, the root's empty one last."""
    labels = []
    at = 0
    while length := name[at]:
        labels.append(name[at + 1 : at + 1 + length])
        at += 1 + length
    labels.append(b"")
    return labels


def is_at_or_below(name: bytes, ancestor: bytes) -> bool:
    """Whether a name is another one or lies below it."""
    boundary = len(name) - len(ancestor)
    if boundary < 0 or not name.endswith(ancestor):
        return False
    at = 0
    while at < boundary:
        at += name[at] + 1
    return at == boundary


def skip_name(message: bytes, start: int) -> int:
    """Return the offset after a name that may end in a pointer.

    The pointer is not followed, so that a loop of pointers costs nothing.

    Raises:
        MalformedMessage: a label or the name is too long, or it is cut off.
    """
    return _end(message, start, _POINTER_OCTET)


def name_end(message: bytes, start: int) -> int:
    """Return the offset after an uncompressed name.

    Raises:
        MalformedMessage: it has a pointer, a label or the name is too long, or it is cut off.
    """
    return _end(message, start, 0x100)


def _end(message: bytes, start: int, pointers_from: int) -> int:
    at = start
    try:
        while length := message[at]:
            if length >= pointers_from:
                return at + 2
            if length > MAX_LABEL:
                raise MalformedMessage("a label is compressed, too long or of a reserved type")
            at += length + 1
    except IndexError:
        raise MalformedMessage("a name is cut off") from None
    if at + 1 - start > MAX_NAME:
        raise MalformedMessage("a name is longer than 255 octets")
    return at + 1


def read_name(message: bytes, start: int, known: dict[int, bytes]) -> tuple[bytes, int]:
    """Return the name at an offset, uncompressed and in lower case, and the offset after it.

    `known` are the names of this message that were read before, by offset; this one is added.

    Raises:
        MalformedMessage: it is not a name, or cut off, or a pointer leads ahead.
    """
    labels = []
    at = start
    end = 0
    size = 0
    try:
        while True:
            length = message[at]
            if length >= _POINTER_OCTET:
                target = (length & 0x3F) << 8 | message[at + 1]
                end = end or at + 2
                if target >= at:
                    raise MalformedMessage("a compression pointer points ahead")
                if (name := known.get(target)) is not None:
                    labels.append(name)
                    break
                at = target
            elif length > MAX_LABEL:
                raise MalformedMessage("a label has a reserved type")
            elif length:
                labels.append(message[at : at + 1 + length].lower())
                at += 1 + length
                size += 1 + length
                if size > MAX_NAME or at > len(message):
                    raise MalformedMessage("a name is too long or cut off")
            else:
                labels.append(ROOT)
                end = end or at + 1
                break
    except IndexError:
        raise MalformedMessage("a name is cut off") from None
    name = b"".join(labels)
    if len(name) > MAX_NAME:
        raise MalformedMessage("a name is longer than 255 octets")
    known[start] = name
    return name, end
