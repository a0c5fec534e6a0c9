"""Holds the sockets and keeps the processes: one control process, a few DNS workers, one for transfers.

The supervisor itself does nothing else, so that it has no reason to end. The sockets stay open in it: what
arrives while a worker or the control process is being restarted waits in the kernel and is answered then.

Each child gives signs of life from its event loop. One that gives none for too long is killed and started
anew: until then what the kernel has given a DNS worker, which is a share of all clients, waits for it alone.
A run of octoDNS is not a child of the supervisor: it has no loop, waits for its provider for as long as that
takes, and has a limit of its own, after which the control process ends it (`publish.octodns.worker`).

It ends in two steps. Those who send queries here (kube-proxy, load balancers, resolvers with a list of
servers) hear of the end seconds after SIGTERM, and go on sending until they have. So on SIGTERM the control
process is told to leave: it isn't ready any more, and another replica may lead. Everything is answered as
before, with what is new, for the lameduck time; then all processes end.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from rollcall.config import Config
from rollcall.disk.folder import Hold
from rollcall.serve import worker
from rollcall.serve.sockets import WorkerSockets

from .child import Child, keep
from .shutdown import Shutdown

ANSWERING_SILENT_SECONDS = 2.0
"""Of a DNS worker: killed then, it is replaced within three seconds, half a second of which is its start.

The longest turn of its loop is a chunk of 64 KiB of the feed, some milliseconds; giving up a whole table for
a new one takes tenths of a second at 50,000 pods.
"""

SILENT_SECONDS = 10.0
"""Of the control process and of the one for transfers: as long as a leader may go on without its Lease.

Their longest turns take in a whole cluster: at 50,000 pods the copy for a snapshot takes 0.7 s, the first
version of everything and its encoding about as long again, on a core of its own; a core that is a quarter as
fast, with collections of garbage between, comes to 6 s. The answers go on meanwhile. A hang costs less than a
needless kill does, which is a list of everything at the API server, and the same long turn again.
"""

ANSWERING_RESTART_SECONDS = 2.0
RESTART_SECONDS = 10.0
"""The longest wait for one that ends again and again. The control process lists everything at its start."""


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
        SILENT_SECONDS,
        RESTART_SECONDS,
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
            ANSWERING_SILENT_SECONDS,
            ANSWERING_RESTART_SECONDS,
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
        workers.append(
            Child(
                "transfer",
                (sys.executable, *command),
                (*transfer, *lock),
                SILENT_SECONDS,
                ANSWERING_RESTART_SECONDS,
            )
        )
    return control, workers


async def supervise(control: Child, workers: Sequence[Child], lameduck_seconds: float) -> int:
    """Run until SIGTERM or SIGINT, and for the lameduck time after a first SIGTERM; return the exit code.

    The workers are stopped after the control process, so that they answer as long as anything does.
    """
    ending = Shutdown(lameduck_seconds)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.on_signal, number)
    failed: list[int] = []
    workers_stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for worker in workers:
            group.create_task(keep(worker, workers_stop, ending, failed), name=worker.name)
        await keep(control, ending.leaving, ending, failed)
        await ending.over.wait()
        workers_stop.set()
    return 1 if failed else 0
