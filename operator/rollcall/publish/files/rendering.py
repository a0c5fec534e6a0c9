"""A DiscoveryFile as its consumers read it."""

import hashlib
from typing import Self

import msgspec

from rollcall.model import Problem

from .format import LeftOut


class Part(msgspec.Struct, frozen=True):
    """A text under a key of a ConfigMap. `config_map` is the number of the ConfigMap, from 1."""

    config_map: int
    key: str
    text: str
    sha256: str

    @classmethod
    def of(cls, config_map: int, key: str, text: str) -> Self:
        """Make a part of a text."""
        return cls(config_map, key, text, sha256(text))


class Rendering(msgspec.Struct, frozen=True):
    """A DiscoveryFile as its consumers read it.

    `text` is the whole; `parts` is the same in pieces that fit into ConfigMaps, one piece where it is small
    enough. `too_large` is set, and `parts` empty, where a service fits into no ConfigMap and can't be
    divided. `digest` is that of the content: equal for equal content, whatever the serial and the generation;
    `sha256` is that of the text. `serial` is None in formats that hold none.
    """

    content_type: str
    text: str
    sha256: str
    parts: tuple[Part, ...]
    digest: str
    serial: int | None
    generation: int
    services: int
    instances: int
    left_out: tuple[LeftOut, ...] = ()
    too_large: Problem | None = None


def sha256(text: str) -> str:
    """Return the SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
