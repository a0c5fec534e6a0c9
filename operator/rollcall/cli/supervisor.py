"""Holds the sockets and keeps the processes: one control process, a few DNS workers, one for transfers.

The supervisor itself does nothing else, so that it has no reason to end. The sockets stay open in it: what
arrives while a worker or the control process is being restarted waits in the kernel and is answered then.

It ends in two steps. Those who send queries here (kube-proxy, load balancers, resolvers with a list of
servers) hear of the end seconds after SIGTERM, and go on sending until they have. So on SIGTERM the control
process is told to leave: it isn't ready any more, and another replica may lead. Everything is answered as
before, with what is new, for the lameduck time; then all processes end.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rollcall.config import Config
from rollcall.disk.folder import Hold
from rollcall.kube.backoff import Backoff
from rollcall.processes import EX_CONFIG, LEAVE
from rollcall.serve import worker
from rollcall.serve.sockets import WorkerSockets

log = logging.getLogger(__name__)

RESTART_SECONDS = (0.1, 10.0)
SETTLED_SECONDS = 30.0
"""A child that ran this long is restarted at once."""

STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Child:
    """A process to keep running: what to start, and what it inherits."""

    name: str
    command: tuple[str, ...]
    inherited: tuple[socket.socket | Hold, ...]


def children(
    config: Config,
    dns: Sequence[WorkerSockets],
    http: socket.socket,
    transfer: WorkerSockets | None,
    cookie_secrets: Path,
    state_lock: Hold | None,
) -> tuple[Child, list[Child]]:
    """Return the control process, and those that answer: the DNS workers, and the one for transfers.

    `cookie_secrets` is the file that the DNS workers share. The lock of the folder for state, where there is
    one, goes to those that write there: it is free when the last of them has ended.
    """
    lock = () if state_lock is None else (state_lock,)
    control = Child(
        "control",
        (sys.executable, "-m", "rollcall.app", config.encode(), str(http.fileno()), str(os.getpid())),
        (http, *lock),
    )
    workers = [
        Child(
            f"dns worker {number}",
            (
                sys.executable,
                *worker.command(
                    number,
                    udp.fileno(),
                    tcp.fileno(),
                    config.feed_path,
                    config.snapshot_path,
                    config.owner,
                    config.log_format,
                    config.log_level,
                    cookie_secrets=cookie_secrets,
                ),
            ),
            (udp, tcp),
        )
        for number, (udp, tcp) in enumerate(dns)
    ]
    if transfer is not None:
        from rollcall.publish.transfer import process

        command = process.command(
            transfer.udp.fileno(),
            transfer.tcp.fileno(),
            config.transfer_feed_path,
            config.state_dir,
            config.owner,
            config.log_format,
            config.log_level,
        )
        workers.append(Child("transfer", (sys.executable, *command), (*transfer, *lock)))
    return control, workers


class Ending:
    """How far the end has come: `leaving` is set first, `over` when everything is to stop."""

    def __init__(self, lameduck_seconds: float) -> None:
        self.leaving = asyncio.Event()
        self.over = asyncio.Event()
        self._lameduck_seconds = lameduck_seconds

    def on_signal(self, number: signal.Signals) -> None:
        """Leave on SIGTERM; end at once where somebody waits: on Ctrl-C, and on a second signal."""
        if self.leaving.is_set() or number == signal.SIGINT or not self._lameduck_seconds:
            self.end()
            return
        log.info("%s: no longer ready, answering for another %g s", number.name, self._lameduck_seconds)
        self.leaving.set()
        asyncio.get_running_loop().call_later(self._lameduck_seconds, self.end)

    def end(self) -> None:
        """Have everything stop."""
        self.leaving.set()
        self.over.set()


async def supervise(control: Child, workers: Sequence[Child], lameduck_seconds: float) -> int:
    """Run until SIGTERM or SIGINT, and for the lameduck time after a first SIGTERM; return the exit code.

    The workers are stopped after the control process, so that they answer as long as anything does.
    """
    ending = Ending(lameduck_seconds)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.on_signal, number)
    failed: list[int] = []
    workers_stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for worker in workers:
            group.create_task(_keep(worker, workers_stop, ending, failed), name=worker.name)
        await _keep(control, ending.leaving, ending, failed)
        await ending.over.wait()
        workers_stop.set()
    return 1 if failed else 0


async def _keep(child: Child, stop: asyncio.Event, ending: Ending, failed: list[int]) -> None:
    """Start a child, again whenever it ends, until `stop`; a child that can't be helped ends everything."""
    backoff = Backoff(*RESTART_SECONDS)
    stopping = asyncio.create_task(stop.wait())
    while not stop.is_set():
        started = asyncio.get_running_loop().time()
        process = await asyncio.create_subprocess_exec(
            *child.command,
            pass_fds=[each.fileno() for each in child.inherited],
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops them in order
        )
        ended = asyncio.create_task(process.wait())
        await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            await _see_off(process, ended, ending)
            await _end(child, process, ended)
            break
        if process.returncode == EX_CONFIG:
            failed.append(EX_CONFIG)
            ending.end()
            break
        if asyncio.get_running_loop().time() - started >= SETTLED_SECONDS:
            backoff.reset()
        wait_seconds = backoff.next_seconds()
        log.error(
            "the %s process ended with code %s, starting it again in %.1f s",
            child.name,
            process.returncode,
            wait_seconds,
        )
        await asyncio.wait({stopping}, timeout=wait_seconds)
    stopping.cancel()


async def _see_off(process: asyncio.subprocess.Process, ended: "asyncio.Task[int]", ending: Ending) -> None:
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
