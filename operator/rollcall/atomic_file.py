"""Files that are replaced at once or not at all: a start after a crash finds the old content, or the new.

A file has one writer, so that the name of the unfinished one can be fixed: what a crash leaves behind, the
next write overwrites.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

UNFINISHED_SUFFIX = ".unfinished"


@contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """Write a file that takes the place of `path` when the block has ended without an error.

    A durable one, its name included, is on the disk then and outlives a power cut. Blocks on the disk.

    Raises:
        OSError: the disk refuses; `path` is as it was.
    """
    unfinished = path.with_name(f"{path.name}{UNFINISHED_SUFFIX}")
    with unfinished.open("wb") as file:
        yield file
        if durable:
            file.flush()
            os.fsync(file.fileno())
    unfinished.replace(path)
    if durable:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
