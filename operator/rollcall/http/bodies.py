"""The bodies of responses: one of each in memory, however many clients take it, and taken a piece at a time.

asyncio copies for each client what that client doesn't take at once. A thousand that ask for a file and read
nothing would have a thousand copies of it.
"""

from weakref import WeakValueDictionary

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import Payload

from .limits import HttpLimits
from .refusal import refuse


class Body:
    """The octets of a text."""

    __slots__ = ("__weakref__", "octets")

    def __init__(self, octets: bytes) -> None:
        self.octets = octets


class Bodies:
    """The bodies that are being sent, by their tags."""

    def __init__(self, limits: HttpLimits) -> None:
        self._limits = limits
        self._bodies: WeakValueDictionary[str, Body] = WeakValueDictionary()

    def pieces(self, tag: str, text: str) -> "Pieces":
        """Return the body of a response. Equal tags have equal texts.

        Raises HTTPServiceUnavailable where others take too much that is different.
        """
        body = self._bodies.get(tag)
        if body is None:
            under_way = sum(len(each.octets) for each in self._bodies.values())
            if under_way > self._limits.bodies:
                refuse(
                    web.HTTPServiceUnavailable,
                    "Busy",
                    f"{under_way >> 20} MiB of other texts are on their way to slow clients: ask again soon",
                )
            body = self._bodies[tag] = Body(text.encode())
        return Pieces(body, self._limits.piece)


class Pieces(Payload):
    """A body for aiohttp to send."""

    _autoclose = True

    def __init__(self, body: Body, piece: int) -> None:
        super().__init__(body)
        self._size = len(body.octets)
        self._piece = piece

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Return the text."""
        return (self._value.octets if self._value else b"").decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Send it, each piece when the client has taken the previous one."""
        octets = memoryview(self._value.octets if self._value else b"")
        for start in range(0, len(octets), self._piece):
            await writer.write(octets[start : start + self._piece])
            await writer.drain()

    async def close(self) -> None:
        """Let the body go: aiohttp keeps a response until the next request of the connection."""
        self._value = None
