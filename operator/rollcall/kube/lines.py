"""A stream of bytes cut into lines, whatever the size of the reads."""

MAX_LINE_BYTES = 16 * 1024 * 1024
"""No object is that large (etcd takes 1.5 MiB by default): a longer line is not a watch stream."""


class LineTooLong(Exception):
    """The stream holds no line end where one must be."""


class LineBuffer:
    """Collects reads and gives back whole lines.

    Each byte is copied once when its line lies in one read, twice when it doesn't. Asyncio's own `readline`
    stops at 64 KiB, which a pod with many environment variables exceeds.
    """

    def __init__(self, max_bytes: int = MAX_LINE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._parts: list[bytes] = []
        self._size = 0

    @property
    def partial(self) -> bool:
        """Whether the last read ended inside a line."""
        return bool(self._parts)

    def feed(self, data: bytes) -> list[bytes]:
        """Add a read; return the lines that it completes, without their ends and without empty ones.

        Raises:
            LineTooLong: an unfinished line has more than `max_bytes`.
        """
        lines = data.split(b"\n")
        tail = lines.pop()
        if lines and self._parts:
            self._parts.append(lines[0])
            lines[0] = b"".join(self._parts)
            self._parts.clear()
            self._size = 0
        if tail:
            self._parts.append(tail)
            self._size += len(tail)
            if self._size > self._max_bytes:
                raise LineTooLong
        return [line for line in lines if line]
