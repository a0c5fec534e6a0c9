"""Files that are replaced at once or not at all: a start after a crash finds the old content, or the new.

A file has one writer, so that the name of the unfinished one can be fixed: what a crash leaves behind, the
next start clears, or the next write.
"""

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

UNFINISHED_SUFFIX = ".unfinished"

_MODE = 0o600  # what is in our files is for ourselves


@contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """Write a file that takes the place of `path` when the block has ended without an error.

    A durable one, its name included, is on the disk then and outlives a power cut. Blocks on the disk. Where
    the block ends with an error nothing is left of it: a full disk is not made fuller.

    Raises:
        OSError: the disk refuses; `path` is as it was.
    """
    unfinished = path.with_name(f"{path.name}{UNFINISHED_SUFFIX}")
    unfinished.unlink(missing_ok=True)
    # A new file: one that somebody else put there, such as a link to elsewhere, is not written into.
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise
    if durable:
        _sync_folder(path.parent)


def clear_unfinished(folder: Path) -> None:
    """Remove what writes that a crash cut short have left in a folder. Raises OSError."""
    for path in folder.glob(f"*{UNFINISHED_SUFFIX}"):
        path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
