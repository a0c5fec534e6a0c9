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

from rollcall.disk.errors import Unusable
from rollcall.feed import child
from rollcall.feed.datagrams import datagrams
from rollcall.feed.errors import DeltaError
from rollcall.feed.follower import Follower
from rollcall.feed.frames import Stats
from rollcall.model.owner import Owner
from rollcall.model.wording import counted
from rollcall.processes import giving_signs

from .answers import Answers
from .cookies import Cookies, new_secrets, read_secrets
from .errors import CookieSecretError
from .failures import FailureLog
from .loader import Loader
from .ratelimit import RateLimit
from .responder import Responder
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
    owner: Owner,
    log_format: str = "text",
    log_level: str = "info",
    *,
    cookie_secrets: Path | None = None,
) -> list[str]:
    """Return the arguments to the interpreter that start worker number `worker` on open descriptors.

    Without a file of secrets it takes no other server's cookies, and no other one takes its own.
    """
    own = {"worker": worker, "snapshot": snapshot, "owner": owner.encode()}
    if cookie_secrets is not None:
        own["cookie_secrets"] = cookie_secrets
    return child.command(_MODULE, udp, tcp, feed, log_format, log_level, **own)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a worker until it is told to end."""
    parser = child.arguments(_MODULE, __doc__)
    parser.add_argument("--worker", type=int, required=True, help="number of this worker, from 0")
    parser.add_argument("--snapshot", type=Path, required=True, help="file with the last known state")
    parser.add_argument("--owner", type=Owner.decode, required=True, help="whose that file has to be")
    parser.add_argument("--cookie-secrets", type=Path, help="file with the secrets of DNS cookies")
    options = parser.parse_args(arguments)
    udp, tcp = child.begin(options, f"dns worker {options.worker}")
    cookies = Cookies(load_secrets(options.cookie_secrets))
    asyncio.run(serve(options.worker, udp, tcp, options.feed, options.snapshot, options.owner, cookies))


async def serve(
    worker: int,
    udp: socket.socket,
    tcp: socket.socket,
    feed: Path,
    snapshot: Path,
    owner: Owner,
    cookies: Cookies,
) -> None:
    """Answer on both sockets until SIGTERM, or until the parent process is gone."""
    ending = child.Ending()
    loop = asyncio.get_running_loop()

    # Not for cryptography: it chooses among answers that are all public.
    answers = Answers(Random())  # noqa: S311  # load spread out: nothing secret
    load_snapshot(answers, snapshot, owner)
    stats = Stats()
    failures = FailureLog(stats)
    limit = RateLimit()
    follower = Follower(feed, worker, Loader(answers))

    udp.setblocking(False)
    over_udp, over_tcp = (Responder(answers, stats, tcp=tcp, cookies=cookies) for tcp in (False, True))
    receive = receiver(datagrams(udp), over_udp, limit, stats, failures)

    def each_second() -> None:
        limit.new_second()
        cookies.new_second()

    with giving_signs():
        async with asyncio.TaskGroup() as group:
            following = group.create_task(follower.run())
            ticking = group.create_task(child.tick(ending, follower, stats, each_second))
            # What waits in the sockets of a worker that was restarted shall get the newest answers there are.
            await follower.settle(child.SETTLE_SECONDS)
            loop.add_reader(udp, receive)
            try:
                async with serving(tcp, over_tcp.respond, stats, failures):
                    await ending.wait()
            finally:
                loop.remove_reader(udp)
                following.cancel()
                ticking.cancel()


def load_secrets(path: Path | None) -> tuple[bytes, ...]:
    """Read the secrets of cookies; where they can't be read, say so and make one: answers matter more."""
    if path is None:
        return new_secrets()
    try:
        return read_secrets(path)
    except CookieSecretError as error:
        log.warning("%s; this worker's cookies are its own until it is started again", error)
        return new_secrets()


def load_snapshot(answers: Answers, path: Path, owner: Owner) -> None:
    """Answer from the snapshot, where there is a good one of the same owner.

    It is the control process, whose files these are, that sets a bad one aside.
    """
    started = time.monotonic()
    table = Table()
    try:
        for zone in read_snapshot(path, owner):
            table.apply_delta(zone)
    except FileNotFoundError:
        log.info("no snapshot %s: SERVFAIL until the first state", path)
    except OSError as error:
        log.warning("snapshot %s can't be used: %s; SERVFAIL until the first state", path, error.strerror)
    except Unusable as error:
        log.warning("snapshot %s can't be used, it %s; SERVFAIL until the first state", path, error)
    except DeltaError as error:
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
