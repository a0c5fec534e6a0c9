"""When the kernel received what we read: exact also where our process had to wait for a core to read it.

On a busy machine a process is woken milliseconds late. A late look at an acknowledgement would make every
server look faster, a late look at an answer slower; a stamp of the kernel (SO_TIMESTAMPNS) is neither.
Stamps are of CLOCK_REALTIME, in nanoseconds.
"""

import socket
import struct
import time

_SO_TIMESTAMPNS = 35
"""From asm-generic/socket.h; the socket module doesn't have it."""

_TIMESPEC = struct.Struct("@ll")
_ROOM = socket.CMSG_SPACE(_TIMESPEC.size)


def switch_on(sock: socket.socket) -> None:
    """Let the kernel note when data arrives."""
    sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


def receive(sock: socket.socket, size: int) -> tuple[bytes, int]:
    """Receive as `recv` does, and return the data and its stamp.

    What arrived before `switch_on` took effect has the present time.
    """
    data, extra, _, _ = sock.recvmsg(size, _ROOM)
    for level, kind, value in extra:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = _TIMESPEC.unpack(value)
            return data, seconds * 1_000_000_000 + nanoseconds
    return data, time.time_ns()
