"""Whole files: written at once, read to their end or not used, and set aside where they can't be."""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from rollcall.model.owner import Owner

from .atomic_file import replacing
from .frames import FileKind, FrameReader, open_regular, whole

log = logging.getLogger(__name__)

ASIDE_SUFFIX = ".set-aside"

_T = TypeVar("_T")


def write(path: Path, kind: FileKind[_T], owner: Owner, values: Iterable[_T]) -> None:
    """Replace the file by one with these values, at once or not at all. Blocks; raises OSError."""
    with replacing(path) as file:
        file.writelines(whole(kind, owner, values))


def read(path: Path, kind: FileKind[_T], owner: Owner) -> Iterator[_T]:
    """Yield the values of a file, one in memory at a time. Blocks.

    What was yielded before an error is what was written, but not all of it.

    Raises:
        FileNotFoundError: there is none.
        OSError: the disk refuses.
        Unusable: it is damaged, another owner's, or no such file.
    """
    with open_regular(path) as file:
        reader = FrameReader(file, kind)
        reader.check_owner(owner)
        yield from reader.values()
        reader.check_end()


def check(path: Path, kind: FileKind[Any], owner: Owner) -> None:
    """Read a file for its checksum alone. Blocks, and raises what `read` does."""
    with open_regular(path) as file:
        reader = FrameReader(file, kind)
        reader.check_owner(owner)
        for _ in reader.bodies():
            pass
        reader.check_end()


def set_aside(path: Path, why: Exception, consequence: str) -> None:
    """Rename a file that can't be used, over one that was set aside before, and say why and what follows.

    A disk that refuses that too is said as well.
    """
    aside = path.with_name(f"{path.name}{ASIDE_SUFFIX}")
    try:
        path.replace(aside)
    except OSError as error:
        log.warning("%s %s, and can't be set aside (%s): %s", path, _text(why), error.strerror, consequence)
    else:
        log.warning("%s %s, and is set aside as %s: %s", path, _text(why), aside.name, consequence)


def _text(why: Exception) -> str:
    return f"can't be read ({why.strerror})" if isinstance(why, OSError) else str(why)
