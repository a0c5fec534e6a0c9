"""One serving process: `python -m rollcall.serve.worker`, started by the supervisor with open sockets.

It answers from the snapshot until the control process has sent the whole state, and from its last state while
there is no control process. SIGTERM ends it; so does the end of the process that started it.
"""

import asyncio
import gc
import logging
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

from rollcall.feed import child
from rollcall.feed.datagrams import datagrams
from rollcall.feed.errors import DeltaError
from rollcall.feed.follower import Follower
from rollcall.feed.frames import Stats
from rollcall.model.wording import counted

from .answers import Answers
from .errors import SnapshotError
from .failures import FailureLog
from .loader import Loader
from .ratelimit import RateLimit
from .responder import responder
from .snapshot import read_snapshot
from .table import Table
from .tcp import serving
from .udp import receiver

log = logging.getLogger(__name__)

_MODULE = "rollcall.serve.worker"


def command(
    worker: int,
    udp: int,
    tcp: int,
    feed: Path,
    snapshot: Path,
    log_format: str = "text",
    log_level: str = "info",
) -> list[str]:
    """Return the arguments to the interpreter that start worker number `worker` on open descriptors."""
    return child.command(_MODULE, udp, tcp, feed, log_format, log_level, worker=worker, snapshot=snapshot)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a worker until it is told to end."""
    parser = child.arguments(_MODULE, __doc__)
    parser.add_argument("--worker", type=int, required=True, help="number of this worker, from 0")
    parser.add_argument("--snapshot", type=Path, required=True, help="file with the last known state")
    options = parser.parse_args(arguments)
    udp, tcp = child.begin(options, f"dns worker {options.worker}")
    asyncio.run(serve(options.worker, udp, tcp, options.feed, options.snapshot))


async def serve(worker: int, udp: socket.socket, tcp: socket.socket, feed: Path, snapshot: Path) -> None:
    """Answer on both sockets until SIGTERM, or until the parent process is gone."""
    ending = child.Ending()
    loop = asyncio.get_running_loop()

    # Not for cryptography: it chooses among answers that are all public.
    answers = Answers(Random())  # noqa: S311  # load spread out: nothing secret
    load_snapshot(answers, snapshot)
    stats = Stats()
    failures = FailureLog(stats)
    limit = RateLimit()
    follower = Follower(feed, worker, Loader(answers))

    udp.setblocking(False)
    receive = receiver(datagrams(udp), responder(answers, stats, tcp=False), limit, stats, failures)
    async with asyncio.TaskGroup() as group:
        following = group.create_task(follower.run())
        ticking = group.create_task(child.tick(ending, follower, stats, limit.new_second))
        # What waits in the sockets of a worker that was restarted shall get the newest answers there are.
        await follower.settle(child.SETTLE_SECONDS)
        loop.add_reader(udp, receive)
        try:
            async with serving(tcp, responder(answers, stats, tcp=True), stats, failures):
                await ending.wait()
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
            table.apply_delta(zone)
    except FileNotFoundError:
        log.info("no snapshot %s: SERVFAIL until the first state", path)
    except (OSError, SnapshotError, DeltaError) as error:
        log.warning("snapshot %s can't be used: %s; SERVFAIL until the first state", path, error)
    else:
        answers.replace_table(table)
        gc.freeze()
        log.info(
            "answering %s from snapshot %s, read in %.2f s",
            counted(len(table.zones), "zone"),
            path,
            time.monotonic() - started,
        )


if __name__ == "__main__":
    main()
