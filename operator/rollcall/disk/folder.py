"""A folder for one process and its children: a lock that ends with them, however they end.

The lock is an flock(2) on the file `lock` in the folder. It belongs to the open file and not to a process:
who inherits the descriptor holds the folder as well. So a supervisor that was killed leaves a folder that is
free only when the children which write in it have ended too. What is written in the file says who holds it,
and is for people; a lock that has ended leaves it behind.
"""

import contextlib
import fcntl
import logging
import os
import socket
import time
from pathlib import Path
from typing import Self

import msgspec

from rollcall.model.owner import Owner

from .errors import FolderInUse, Unusable
from .frames import FileKind, FrameReader, whole

log = logging.getLogger(__name__)

LOCK = "lock"

WAIT_SECONDS = 10.0
"""For a holder that has ended, as far as can be seen, and whose children have that long to follow."""

_TRY_SECONDS = 0.1


class Holder(msgspec.Struct, frozen=True, array_like=True):
    """Who holds a folder: a process, on a host."""

    pid: int
    host: str


HOLDER = FileKind[Holder]("lock", 1, Holder)


class Hold:
    """A folder that is ours until `release`, or until the last process that has inherited this has ended."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        """Return the descriptor that children are to inherit."""
        return self._descriptor

    def release(self) -> None:
        """Let the folder go, as far as we hold it."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def hold(folder: Path, owner: Owner, wait_seconds: float | None = None) -> Hold:
    """Make a folder where there is none, and have it to ourselves. Blocks.

    It waits for a holder that isn't seen to run: that has just ended, or is on another host.

    Raises:
        FolderInUse: another process has it.
        OSError: the folder can't be made, or not locked.
    """
    folder.mkdir(parents=True, exist_ok=True)
    held = Hold(_open(folder / LOCK, os.O_CREAT))
    try:
        deadline = time.monotonic() + (WAIT_SECONDS if wait_seconds is None else wait_seconds)
        while not _lock(held):
            runs, who = _holder(held)
            if runs or time.monotonic() >= deadline:
                raise FolderInUse(f"the folder {folder} is in use by {who}")
            time.sleep(_TRY_SECONDS)
        _sign(held, owner)
    except BaseException:
        held.release()
        raise
    return held


def hold_abandoned(folder: Path) -> Hold | None:
    """Take a folder whose holder has ended; None where there is one, or never was. Raises OSError."""
    held = Hold(_open(folder / LOCK))
    with contextlib.ExitStack() as stack:
        stack.enter_context(held)
        if not _lock(held) or _read(held) is None:
            return None
        stack.pop_all()
    return held


def _open(path: Path, flags: int = 0) -> int:
    careful = os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        return os.open(path, os.O_RDWR | careful | flags, 0o644)
    except OSError:
        # Another user's, or on a read-only disk: it can be locked all the same.
        with contextlib.suppress(OSError):
            return os.open(path, os.O_RDONLY | careful)
        raise


def _lock(held: Hold) -> bool:
    try:
        fcntl.flock(held.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sign(held: Hold, owner: Owner) -> None:
    """Write who we are. A disk that refuses leaves a lock that doesn't say whose it is."""
    octets = b"".join(whole(HOLDER, owner, [Holder(os.getpid(), socket.gethostname())]))
    try:
        os.ftruncate(held.fileno(), 0)
        os.pwrite(held.fileno(), octets, 0)
    except OSError as error:
        log.debug("the lock can't be signed: %s", error)


def _read(held: Hold) -> tuple[Owner, Holder] | None:
    try:
        with os.fdopen(os.dup(held.fileno()), "rb") as file:
            file.seek(0)
            reader = FrameReader(file, HOLDER)
            return reader.owner, next(reader.values())
    except (OSError, Unusable, StopIteration):
        return None


def _holder(held: Hold) -> tuple[bool, str]:
    """Return whether the holder is seen to run, and who it is."""
    signed = _read(held)
    if signed is None:
        return False, "another process, which has not said who it is"
    owner, holder = signed
    here = holder.host == socket.gethostname()
    who = f"the process {holder.pid} on {'this host' if here else holder.host}, {owner}"
    return here and holder.pid != os.getpid() and _runs(holder.pid), who


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's
    return True
