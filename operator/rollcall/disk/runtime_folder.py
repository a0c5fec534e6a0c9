"""The folder of the sockets between our processes, and of files that last as long as they do.

It is removed at an orderly end. What is left of processes that were killed is removed at the next start: a
folder of that name, of the same user, whose lock nobody holds any longer.
"""

import errno
import logging
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rollcall.model.owner import Owner

from .folder import hold, hold_abandoned

log = logging.getLogger(__name__)

_PREFIX = "rollcall."

_MAX_OCTETS = 107 - len("/feed.sock")
"""Of the folder's path: the path of a socket has 107 (unix(7)), and this is as long as names here get."""


@contextmanager
def runtime_folder(owner: Owner) -> Iterator[Path]:
    """Make a folder for as long as the block lasts, after what others have left is gone. Raises OSError."""
    clear_abandoned()
    with tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as name:
        octets = len(os.fsencode(name))
        if octets > _MAX_OCTETS:
            raise OSError(
                errno.ENAMETOOLONG, f"its path has {octets} octets, and may have {_MAX_OCTETS}", name
            )
        folder = Path(name)
        with hold(folder, owner):
            yield folder


def clear_abandoned() -> None:
    """Remove the folders of dead processes."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            _clear(folder)
        except OSError as error:  # it has just gone, or never was one of ours
            log.debug("%s stays: %s", folder, error)


def _clear(folder: Path) -> None:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        return
    held = hold_abandoned(folder)
    if held is not None:
        with held:
            shutil.rmtree(folder)
            log.info("removed %s, which a process that was killed has left", folder)
