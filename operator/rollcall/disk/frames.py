r"""The one format of all that is on disk.

A file is the line "rollcall state 1\n" and frames. A frame is the length of its body, a CRC-32, each of four
octets in network order, and the body, in msgpack. The checksum is of the first line and of all lengths and
bodies up to the end of the frame: so a frame that is changed, missing or in another's place is noticed, and
no later one is read.

The first frame says which kind of file it is, in which version, and whose. Those after it are its values. A
whole file ends with a frame that has no body; a journal has no such end.
"""

import errno
import os
import stat
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Generic, NamedTuple, TypeVar

import msgspec

from rollcall.model.owner import Owner

from .errors import Foreign, Unusable

MAX_FRAME = 256 << 20
"""Octets of a body. A longer one is not written; one that claims to be longer is not read."""

_MAGIC = b"rollcall state 1\n"
_PREFIX = struct.Struct("!II")
_LENGTH = struct.Struct("!I")
_END = b""

_UNDECODABLE = (msgspec.MsgspecError, ValueError, RecursionError)
"""What msgspec raises for octets that aren't what they should be. Text that is no UTF-8 is a ValueError."""

_T = TypeVar("_T")


class _Header(msgspec.Struct, frozen=True, array_like=True):
    kind: str
    version: int
    owner: Owner


_HEADERS = msgspec.msgpack.Decoder(_Header)


class FileKind(Generic[_T]):
    """A kind of file: what its values are, in which version. Another version's are not read."""

    def __init__(self, name: str, version: int, values: Any) -> None:
        self.name = name
        self.version = version
        self._decode: Callable[[bytes], _T] = msgspec.msgpack.Decoder(values).decode

    def encode(self, value: _T) -> bytes:
        """Return the body of a frame."""
        return msgspec.msgpack.encode(value)

    def decode(self, body: bytes) -> _T:
        """Read the body of a frame. Raises Unusable."""
        try:
            return self._decode(body)
        except _UNDECODABLE as error:
            raise Unusable(f"holds what this version can't read: {error}") from error


class Tail(NamedTuple):
    """Where a file can be gone on with: its size, and the checksum of what is in it."""

    size: int = 0
    checksum: int = 0


class Frames:
    """Cuts bodies into the frames of a file. `tail` is where the next one goes."""

    def __init__(self, tail: Tail) -> None:
        self.tail = tail

    def frame(self, body: bytes) -> bytes:
        """Return a body as the next frame. Raises OSError where it is too long for one."""
        if len(body) > MAX_FRAME:
            raise OSError(errno.EFBIG, f"{len(body)} octets are more than a frame of {MAX_FRAME} holds")
        checksum = _checksum(body, self.tail.checksum)
        self.tail = Tail(self.tail.size + _PREFIX.size + len(body), checksum)
        return _PREFIX.pack(len(body), checksum) + body


class Beginning(Frames):
    """The frames of a new file. `octets` are those that it begins with."""

    def __init__(self, kind: FileKind[Any], owner: Owner) -> None:
        super().__init__(Tail(len(_MAGIC), zlib.crc32(_MAGIC)))
        self.octets = _MAGIC + self.frame(msgspec.msgpack.encode(_Header(kind.name, kind.version, owner)))


def whole(kind: FileKind[_T], owner: Owner, values: Iterable[_T]) -> Iterator[bytes]:
    """Yield the octets of a whole file. Raises OSError where a value is too long."""
    frames = Beginning(kind, owner)
    yield frames.octets
    for value in values:
        yield frames.frame(kind.encode(value))
    yield frames.frame(_END)


class FrameReader(Generic[_T]):
    """Reads a file, as far as it is good. `tail` is the end of what has been read; `owner` is whose it is.

    Raises:
        Unusable: it is not of this kind and version, or is damaged at its beginning.
    """

    def __init__(self, file: BinaryIO, kind: FileKind[_T]) -> None:
        self.tail = Tail(len(_MAGIC), zlib.crc32(_MAGIC))
        self.is_ended = False
        self._kind = kind
        self._size = os.fstat(file.fileno()).st_size
        self._file = file
        if file.read(len(_MAGIC)) != _MAGIC:
            raise Unusable("is empty" if self._size == 0 else "is not of this format, or of an earlier one")
        try:
            header = _HEADERS.decode(self._next() or b"")
        except _UNDECODABLE as error:
            raise Unusable("is damaged at its beginning") from error
        if header.kind != kind.name:
            raise Unusable(f"is a file of {header.kind}, not of {kind.name}")
        if header.version != kind.version:
            raise Unusable(f"is of version {header.version}; this one reads version {kind.version}")
        self.owner = header.owner

    def check_owner(self, owner: Owner) -> None:
        """Raise Foreign where the file is somebody else's."""
        if not self.owner.is_same(owner):
            raise Foreign(f"belongs to {self.owner}; this is {owner}")

    def values(self) -> Iterator[_T]:
        """Yield what is in it up to its end, or to where it is cut off or damaged. Raises Unusable."""
        return map(self._kind.decode, self.bodies())

    def bodies(self) -> Iterator[bytes]:
        """Yield the same without a look into it."""
        while (body := self._next()) is not None:
            if body == _END:
                self.is_ended = True
                return
            yield body

    def check_end(self) -> None:
        """Raise Unusable where a whole file was cut off, is damaged, or goes on after its end."""
        if not self.is_ended or self.tail.size != self._size:
            raise Unusable(f"is cut off or damaged after {self.tail.size} of {self._size} octets")

    def _next(self) -> bytes | None:
        """Return the next body, None where there is no good one."""
        prefix = self._file.read(_PREFIX.size)
        if len(prefix) < _PREFIX.size:
            return None
        length, checksum = _PREFIX.unpack(prefix)
        end = self.tail.size + _PREFIX.size + length
        if length > MAX_FRAME or end > self._size:  # before memory is taken for it
            return None
        body = self._file.read(length)
        if len(body) < length or _checksum(body, self.tail.checksum) != checksum:
            return None
        self.tail = Tail(end, checksum)
        return body


def open_regular(path: Path) -> BinaryIO:
    """Open a file to read it, and no pipe, device or link in its place: these may wait or go on for ever.

    Raises:
        FileNotFoundError: there is none.
        OSError: it can't be opened.
        Unusable: it is something else.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise Unusable("is a symbolic link") from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Unusable("is not a regular file")
    return os.fdopen(descriptor, "rb")


def _checksum(body: bytes, before: int) -> int:
    return zlib.crc32(body, zlib.crc32(_LENGTH.pack(len(body)), before))
