"""What a format is: from services to blocks of text, and the text around them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from rollcall.model import DiscoveryFile, Key, Members, Problem


class CannotRender(Exception):
    """Nothing of a DiscoveryFile can be rendered as its spec stands; `problem` says what to change."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(reason, message)


class LeftOut(msgspec.Struct, frozen=True):
    """A service that is not in a rendering, or not all of it: why, and what to do about it."""

    service: Key
    reason: str
    message: str


class Block(NamedTuple):
    """What one service adds to a file: `opening`, its items, `closing`.

    `instances` is how many of them there are: an instance of two addresses can be two items.
    """

    service: Key
    items: tuple[str, ...]
    instances: int
    opening: str = ""
    closing: str = ""


class Contents(NamedTuple):
    """All that a format makes of the services of a file."""

    blocks: list[Block]
    left_out: list[LeftOut]


class DocumentHead(NamedTuple):
    """What the top of a file can say. `number` is that of the part, `keys` are those of all parts."""

    file: DiscoveryFile
    generation: int
    digest: str
    serial: int
    number: int
    keys: tuple[str, ...]


def comment(head: DocumentHead, mark: str = "#") -> str:
    """Return the lines that open a file, in a format with comments."""
    of = f", part {head.number} of {len(head.keys)}" if len(head.keys) > 1 else ""
    return (
        f"{mark} Managed by Rollcall for the DiscoveryFile {head.file.key}: edits are overwritten.\n"
        f"{mark} generation {head.generation}, digest {head.digest}{of}\n"
    )


@dataclass(frozen=True, slots=True)
class Format:
    """Pure functions, and the text between what they give.

    `contents` gets the services in order, their names checked; it raises CannotRender where the spec leaves
    nothing to render. `divisible` says that a service can stand in several files, each with some of its
    instances; `file_each` that the consumer reads one service a file; `has_serial` that the serial is part of
    the text.
    """

    contents: Callable[[DiscoveryFile, Sequence[Members]], Contents]
    content_type: str = "text/plain"
    head: Callable[[DocumentHead], str] = comment
    tail: str = ""
    between_blocks: str = ""
    between_items: str = ""
    divisible: bool = False
    file_each: bool = False
    has_serial: bool = False

    def block(self, block: Block) -> str:
        """Return the text of one service."""
        return f"{block.opening}{self.between_items.join(block.items)}{block.closing}"

    def body(self, blocks: Sequence[Block]) -> str:
        """Return the text of services, without head and tail; one that adds nothing leaves no trace."""
        return self.between_blocks.join(filter(None, map(self.block, blocks)))


def to_json(value: object) -> str:
    """Write a value as JSON; addresses as their text."""
    return msgspec.json.encode(value, enc_hook=str).decode()
