"""Keeps one child of the supervisor running: starts it, again when it ends, and again when it hangs.

Nothing that happens to one child reaches another. One that can't be started, for want of descriptors,
processes or memory, is tried again for as long as it takes.
"""

import asyncio
import logging
import os
import socket
from dataclasses import dataclass

from rollcall.disk.folder import Hold
from rollcall.kube.backoff import Backoff
from rollcall.processes import EX_CONFIG, LEAVE, SIGNS_VARIABLE

from . import signs
from .shutdown import Shutdown
from .signs import Signs

log = logging.getLogger(__name__)

FIRST_RESTART_SECONDS = 0.1

SETTLED_SECONDS = 30.0
"""A child that ran this long is restarted at once."""

START_RETRY_SECONDS = 1.0
"""Between attempts to start a child that can't be started: what is missing may be there again at any time."""

STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Child:
    """A process to keep running: what to start, and what it inherits.

    It hangs when it has given no sign of life for `silent_seconds`. One that ends again and again is started
    after `restart_seconds` at most.
    """

    name: str
    command: tuple[str, ...]
    inherited: tuple[socket.socket | Hold, ...]
    silent_seconds: float
    restart_seconds: float


async def keep(child: Child, stop: asyncio.Event, ending: Shutdown, failed: list[int]) -> None:
    """Keep a child running until `stop`; one that can't be helped ends everything."""
    backoff = Backoff(FIRST_RESTART_SECONDS, child.restart_seconds)
    stopping = asyncio.create_task(stop.wait())
    said = ""
    while not stop.is_set():
        started = asyncio.get_running_loop().time()
        try:
            code = await _run(child, stopping, ending)
        except (OSError, RuntimeError) as error:  # RuntimeError: no thread to wait for it
            if said != (said := str(error)):
                log.error("the %s process can't be started: %s; trying again", child.name, error)
            await asyncio.wait({stopping}, timeout=START_RETRY_SECONDS)
            continue
        said = ""
        if code is None:
            break
        if code == EX_CONFIG:
            failed.append(EX_CONFIG)
            ending.end()
            break
        if asyncio.get_running_loop().time() - started >= SETTLED_SECONDS:
            backoff.reset()
        wait_seconds = backoff.next_seconds()
        log.error(
            "the %s process ended with code %s, starting it again in %.1f s", child.name, code, wait_seconds
        )
        await asyncio.wait({stopping}, timeout=wait_seconds)
    stopping.cancel()


async def _run(child: Child, stopping: "asyncio.Task[bool]", ending: Shutdown) -> int | None:
    """Run a child to its end; return its exit code, None where it was told to stop.

    Raises OSError or RuntimeError where it can't be started. A process that nevertheless exists then finds
    the pipe for its signs broken, and ends.
    """
    with Signs() as pipe:
        process = await asyncio.create_subprocess_exec(
            *child.command,
            pass_fds=[*(each.fileno() for each in child.inherited), pipe.writer],
            env=os.environ | {SIGNS_VARIABLE: str(pipe.writer)},
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops them in order
        )
        pipe.hand_over()
        ended = asyncio.create_task(process.wait())
        hanging = asyncio.create_task(signs.hang(signs.Process(process.pid, pipe), child.silent_seconds))
        await asyncio.wait({ended, hanging, stopping}, return_when=asyncio.FIRST_COMPLETED)
        hanging.cancel()
        if stopping.done():
            await _see_off(process, ended, ending)
            await _end(child, process, ended)
            return None
        if not ended.done():
            log.error("the %s process hangs: it gives no sign of life, and is killed", child.name)
            process.kill()
        return await ended


async def _see_off(process: asyncio.subprocess.Process, ended: "asyncio.Task[int]", ending: Shutdown) -> None:
    """Let a process that stops before the end has come leave, until then."""
    if ending.over.is_set() or ended.done():
        return
    process.send_signal(LEAVE)
    over = asyncio.create_task(ending.over.wait())
    await asyncio.wait({ended, over}, return_when=asyncio.FIRST_COMPLETED)
    over.cancel()


async def _end(child: Child, process: asyncio.subprocess.Process, ended: "asyncio.Task[int]") -> None:
    if process.returncode is None:
        process.terminate()
    done, _ = await asyncio.wait({ended}, timeout=STOP_SECONDS)
    if not done:
        log.warning("the %s process did not end in %.0f s and is killed", child.name, STOP_SECONDS)
        process.kill()
        await ended
