"""The temporary folder of one control plane, which does not pile up after killed runs.

A running plane holds a lock on a file in its folder. The next start removes the folders whose
lock nobody holds, unless they are to be kept.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from controlplane.errors import StartFailed

_PREFIX = "rollcall-controlplane-"
_LOCK = "lock"
_KEEP = "keep"
_YOUNG_SECONDS = 60.0
"""A folder this young may be between its making and its locking."""


class Folder:
    """A fresh temporary folder, locked and there while the `with` lasts.

    It stays for good with `keep`. When a server failed to start, it stays for its logs until some
    later start removes it.
    """

    def __init__(self, *, keep: bool) -> None:
        _sweep()
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._lock = os.open(self.path / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._keep = keep
        if keep:
            (self.path / _KEEP).touch()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._keep and not isinstance(error, StartFailed):
            shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _sweep() -> None:
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if not (path / _KEEP).exists() and _is_abandoned(path / _LOCK):
                shutil.rmtree(path, ignore_errors=True)


def _is_abandoned(lock: Path) -> bool:
    if time.time() - lock.stat().st_mtime < _YOUNG_SECONDS:
        return False
    descriptor = os.open(lock, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True
