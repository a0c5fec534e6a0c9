"""The user's cache folder: one folder a program, version and platform, filled once.

A program appears there complete or not at all (it is moved into place by a rename), and a lock
file keeps two processes from fetching or building the same one.
"""

import contextlib
import fcntl
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from controlplane.progress import Step

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


def target() -> tuple[str, str]:
    """Name this machine in Go's words, such as ("linux", "amd64")."""
    machine = platform.machine().lower()
    return sys.platform, _MACHINES.get(machine, machine)


def root() -> Path:
    """Return the cache of this project: `$XDG_CACHE_HOME/rollcall`, or `~/.cache/rollcall`."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "rollcall"


def place(program: str, version: str) -> Path:
    """Where a program of this version and platform lies, whether or not it is there yet."""
    return root() / program / version / "-".join(target()) / program


def cached(program: str, version: str) -> Path | None:
    """Return the program if it is in the cache."""
    path = place(program, version)
    return path if os.access(path, os.X_OK) else None


@contextlib.contextmanager
def filling(program: str, version: str) -> Iterator[Path]:
    """Hold the lock of a program's folder, and give a scratch folder beside its final place.

    Whoever gets the lock looks into the cache again: the process it waited for may have filled it.
    """
    folder = place(program, version).parent
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        _acquire(lock.fileno(), f"waiting for another process that is getting {program} {version}")
        for left in folder.glob(".new-*"):  # by a process that was killed
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as scratch:
            yield Path(scratch)


def install(built: Path, program: str, version: str) -> Path:
    """Move a finished program into its place; `built` must be on the cache's file system."""
    path = place(program, version)
    path.parent.mkdir(parents=True, exist_ok=True)
    built.chmod(0o755)
    built.replace(path)
    return path


def _acquire(descriptor: int, doing: str) -> None:
    with Step(doing, quiet_seconds=1.0):
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                time.sleep(0.2)
