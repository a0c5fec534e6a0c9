"""The folder for state of `rollcall run`: which one, and that nobody else has it."""

import hashlib
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from rollcall.disk.atomic_file import clear_unfinished
from rollcall.disk.errors import FolderInUse
from rollcall.disk.folder import Hold, hold
from rollcall.model.owner import Owner

log = logging.getLogger("rollcall")  # JSON logs tell the name, and people may filter by it

_ADVICE = "choose another with --state-dir"


def default_state_dir(owner: Owner) -> Path:
    """Return the folder for an installation's state of the current user (XDG Base Directory Specification).

    Each has its own: whoever looks after two clusters from one machine runs one after the other.
    """
    state_home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    server = hashlib.sha256(owner.cluster.server.encode()).hexdigest()
    return state_home / "rollcall" / f"{owner.identity}-{server[:12]}"


@contextmanager
def held(state_dir: Path, owner: Owner) -> Iterator[Hold | None]:
    """Have the folder to ourselves, and without what a crash has left in it.

    A folder that can't be locked, such as one on a read-only disk, keeps nobody from answering; one that
    another process has does. Raises ClickException.
    """
    try:
        lock = hold(state_dir, owner)
    except FolderInUse as error:
        reason = "every installation and every replica has its own"
        raise click.ClickException(f"{error}: {reason}, {_ADVICE}.") from error
    except OSError as error:
        why = f"{state_dir} can't be locked ({error.strerror})"
        log.error("%s: nothing may be kept over a restart. If that matters, %s.", why, _ADVICE)
        yield None
        return
    with lock:
        log.info("state in %s", state_dir)
        try:
            clear_unfinished(state_dir)
        except OSError as error:
            log.warning("what a crash has left in %s stays there: %s", state_dir, error.strerror)
        yield lock
