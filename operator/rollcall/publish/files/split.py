"""Cuts a rendering into pieces that fit into ConfigMaps.

A ConfigMap holds at most 1 MiB, all keys together, and a request to etcd 1.5 MiB. Services stay whole, in
order; one that is too large for a ConfigMap of its own is divided between its instances where the format
allows that.
"""

from collections.abc import Iterator, Sequence

from rollcall.model import Key

from .format import Block, Format

MAX_PART_BYTES = 768 * 1024
"""The most that a ConfigMap of ours holds: the rest of its mebibyte is for metadata and its copies."""

HEAD_BYTES = 16 * 1024
"""Kept free for the head of each part, which can name all the others."""

_ROOM = MAX_PART_BYTES - HEAD_BYTES

# Consumers pick files by these endings (Prometheus, Envoy, nginx, dnsmasq, HAProxy), so that a number goes
# before them.
_ENDINGS = (".json", ".yaml", ".yml", ".conf", ".cfg")


class TooLarge(Exception):
    """A service that fits into no ConfigMap and can't be divided."""

    def __init__(self, service: Key, size: int) -> None:
        super().__init__(f"the service {service} takes {size} bytes; a part holds {_ROOM}")
        self.service = service
        self.size = size


def size_of(text: str) -> int:
    """Return the length of a text in bytes of UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


def inserted(key: str, word: str) -> str:
    """Return a key with a word in it: before the ending that consumers look for, else at its end."""
    for ending in _ENDINGS:
        if key.lower().endswith(ending) and len(key) > len(ending):
            return f"{key[: -len(ending)]}.{word}{key[-len(ending) :]}"
    return f"{key}.{word}"


def numbered(key: str, number: int) -> str:
    """Return the key of a part: the first has the key as the user wrote it."""
    return key if number == 1 else inserted(key, str(number))


def split(form: Format, blocks: Sequence[Block]) -> list[list[Block]]:
    """Pack blocks into parts, in order.

    Raises:
        TooLarge: a block fits into no part and must not be divided.
    """
    parts: list[list[Block]] = [[]]
    used = 0
    for block in blocks:
        for piece in _pieces(form, block):
            size = size_of(form.block(piece)) + len(form.between_blocks)
            if used + size > _ROOM and parts[-1]:
                parts.append([])
                used = 0
            parts[-1].append(piece)
            used += size
    return parts


def pack(sizes: Sequence[int]) -> list[int]:
    """Give each text a ConfigMap, in order: the numbers, from 1."""
    numbers: list[int] = []
    number, used = 1, 0
    for size in sizes:
        if used and used + size > MAX_PART_BYTES:
            number, used = number + 1, 0
        numbers.append(number)
        used += size
    return numbers


def _pieces(form: Format, block: Block) -> Iterator[Block]:
    """Yield a block as it is if it fits into a part, else in pieces that do."""
    size = size_of(form.block(block))
    if size <= _ROOM:
        yield block
        return
    if not form.divisible:
        raise TooLarge(block.service, size)
    frame = size_of(block.opening) + size_of(block.closing)
    taken: list[str] = []
    used = frame
    for item in block.items:
        length = size_of(item) + len(form.between_items)
        if used + length > _ROOM and taken:
            yield block._replace(items=tuple(taken))
            taken, used = [], frame
        taken.append(item)
        used += length
    yield block._replace(items=tuple(taken))
