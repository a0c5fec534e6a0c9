"""One serving process: `python -m rollcall.serve.worker`, started by the supervisor with open sockets.

It answers from the snapshot until the control process has sent the whole state, and from its last state while
there is no control process. SIGTERM ends it; so does the end of the process that started it.
"""

import argparse
import asyncio
import gc
import logging
import os
import signal
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

import msgspec

from rollcall.feed.errors import DeltaError
from rollcall.feed.follower import Follower
from rollcall.feed.frames import Stats
from rollcall.logs import configure

from .answers import Answers
from .errors import SnapshotError
from .failures import FailureLog
from .loader import Loader
from .query import responder
from .ratelimit import RateLimit
from .snapshot import read_snapshot
from .table import Table
from .tcp import serving
from .udp import receiver

_LOG = logging.getLogger(__name__)

_SECOND = 1.0
_SETTLE_SECONDS = 0.5


def command(
    worker: int,
    udp: int,
    tcp: int,
    feed: Path,
    snapshot: Path,
    log_format: str = "text",
    log_level: str = "info",
) -> list[str]:
    """Give the arguments to the interpreter that start worker number `worker` on open descriptors."""
    return [
        "-m",
        "rollcall.serve.worker",
        f"--worker={worker}",
        f"--udp-fd={udp}",
        f"--tcp-fd={tcp}",
        f"--feed={feed}",
        f"--snapshot={snapshot}",
        f"--log-format={log_format}",
        f"--log-level={log_level}",
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a worker until it is told to end."""
    parser = argparse.ArgumentParser(prog="rollcall.serve.worker", description=__doc__)
    parser.add_argument("--worker", type=int, required=True, help="number of this worker, from 0")
    parser.add_argument("--udp-fd", type=int, required=True, help="descriptor of a bound UDP socket")
    parser.add_argument("--tcp-fd", type=int, required=True, help="descriptor of a listening TCP socket")
    parser.add_argument("--feed", type=Path, required=True, help="unix socket of the control process")
    parser.add_argument("--snapshot", type=Path, required=True, help="file with the last known state")
    parser.add_argument("--log-format", choices=("text", "json"), default="text")
    parser.add_argument("--log-level", default="info")
    options = parser.parse_args(arguments)
    configure(options.log_format, options.log_level, f"dns worker {options.worker}")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the supervisor decides
    asyncio.run(
        serve(
            options.worker,
            socket.socket(fileno=options.udp_fd),
            socket.socket(fileno=options.tcp_fd),
            options.feed,
            options.snapshot,
        )
    )


async def serve(worker: int, udp: socket.socket, tcp: socket.socket, feed: Path, snapshot: Path) -> None:
    """Answer on both sockets until SIGTERM, or until the parent process is gone."""
    parent = os.getppid()
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopping.set)

    # Not for cryptography: it chooses among answers that are all public.
    answers = Answers(Random())  # noqa: S311
    load_snapshot(answers, snapshot)
    stats = Stats()
    failures = FailureLog(stats)
    limit = RateLimit()
    follower = Follower(feed, worker, Loader(answers))

    udp.setblocking(False)
    receive = receiver(udp, responder(answers, stats, tcp=False), limit, stats, failures)
    async with asyncio.TaskGroup() as group:
        following = group.create_task(follower.run())
        ticking = group.create_task(_tick(limit, stats, follower, stopping, parent))
        # What waits in the sockets of a worker that was restarted shall get the newest answers there are.
        await follower.settle(_SETTLE_SECONDS)
        loop.add_reader(udp, receive)
        try:
            async with serving(tcp, responder(answers, stats, tcp=True), stats, failures):
                await stopping.wait()
        finally:
            loop.remove_reader(udp)
            following.cancel()
            ticking.cancel()


def load_snapshot(answers: Answers, path: Path) -> None:
    """Answer from the snapshot, where there is a good one."""
    started = time.monotonic()
    table = Table()
    try:
        for zone in read_snapshot(path):
            table.apply(zone)
    except FileNotFoundError:
        _LOG.info("no snapshot %s: SERVFAIL until the first state", path)
    except (OSError, SnapshotError, DeltaError) as error:
        _LOG.warning("snapshot %s can't be used: %s; SERVFAIL until the first state", path, error)
    else:
        answers.replace(table)
        gc.freeze()
        _LOG.info(
            "answering %d zones from snapshot %s, read in %.2f s",
            len(table.zones),
            path,
            time.monotonic() - started,
        )


async def _tick(
    limit: RateLimit, stats: Stats, follower: Follower, stopping: asyncio.Event, parent: int
) -> None:
    """Once a second: begin a new second of the rate limit, send the counters, see if the parent is there."""
    reported = b""
    while True:
        await asyncio.sleep(_SECOND)
        limit.new_second()
        if os.getppid() != parent:
            _LOG.warning("the process that started this worker is gone: ending, so as not to answer for ever")
            stopping.set()
        encoded = msgspec.msgpack.encode(stats)
        if encoded != reported and follower.report(stats):
            reported = encoded


if __name__ == "__main__":
    main()
