"""The transfer process: `python -m rollcall.publish.transfer.process`, started with open sockets.

It follows the feed as the DNS workers do, and answers secondaries. Without a control process it goes on with
what it has. SIGTERM ends it; so does the end of the process that started it.
"""

import argparse
import asyncio
import logging
import os
import signal
import socket
from collections.abc import Sequence
from pathlib import Path

import msgspec

from rollcall.feed.follower import Follower
from rollcall.feed.frames import TransferStats
from rollcall.logs import configure

from .archive import Archive
from .catalog import Catalogs
from .refusals import RefusalLog, count
from .responder import Responder
from .secondaries import Secondaries
from .tcp import TcpServer
from .udp import receiver
from .zones import TransferZones

_LOG = logging.getLogger(__name__)

FOLDER = "transfer"
"""Of the journals, in the state folder."""

_NUMBER = 0
_SECOND = 1.0
_SETTLE_SECONDS = 0.5


def command(
    udp: int, tcp: int, feed: Path, state_dir: Path, log_format: str = "text", log_level: str = "info"
) -> list[str]:
    """Give the arguments to the interpreter that start the process on open descriptors."""
    return [
        "-m",
        "rollcall.publish.transfer.process",
        f"--udp-fd={udp}",
        f"--tcp-fd={tcp}",
        f"--feed={feed}",
        f"--state-dir={state_dir}",
        f"--log-format={log_format}",
        f"--log-level={log_level}",
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run until told to end."""
    parser = argparse.ArgumentParser(prog="rollcall.publish.transfer.process", description=__doc__)
    parser.add_argument("--udp-fd", type=int, required=True, help="descriptor of a bound UDP socket")
    parser.add_argument("--tcp-fd", type=int, required=True, help="descriptor of a listening TCP socket")
    parser.add_argument("--feed", type=Path, required=True, help="unix socket of the control process")
    parser.add_argument("--state-dir", type=Path, required=True, help="folder for the journals")
    parser.add_argument("--log-format", choices=("text", "json"), default="text")
    parser.add_argument("--log-level", default="info")
    options = parser.parse_args(arguments)
    configure(options.log_format, options.log_level, "transfer")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the supervisor decides
    udp, tcp = socket.socket(fileno=options.udp_fd), socket.socket(fileno=options.tcp_fd)
    asyncio.run(serve(udp, tcp, options.feed, options.state_dir / FOLDER))


async def serve(udp: socket.socket, tcp: socket.socket, feed: Path, folder: Path) -> None:
    """Serve transfers on both sockets until SIGTERM, or until the parent process is gone."""
    parent = os.getppid()
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    archive = Archive(folder)
    archive.load()

    stats = TransferStats()
    refusals = RefusalLog(stats)
    zones = TransferZones(archive)
    responder = Responder(zones, stats, refusals)
    catalogs = Catalogs(zones)
    follower = Follower(feed, _NUMBER, zones)
    udp.setblocking(False)
    secondaries = Secondaries(
        zones, follower.report, lambda outcome: count(stats.notifies, outcome), catalogs, udp
    )
    zones.on_settings += [catalogs.configured, secondaries.configured]
    zones.on_version.append(secondaries.changed)

    try:
        async with asyncio.TaskGroup() as group:
            following = group.create_task(follower.run())
            # What waits in the sockets of a process that was restarted shall be answered, not refused.
            await follower.settle(_SETTLE_SECONDS)
            loop.add_reader(udp, receiver(udp, responder, secondaries.received))
            tasks = [
                following,
                group.create_task(TcpServer(responder, refusals).run(tcp)),
                group.create_task(secondaries.run()),
                group.create_task(archive.run()),
                group.create_task(_tick(stats, follower, stopping, parent)),
            ]
            await stopping.wait()
            for task in tasks:
                task.cancel()
    finally:
        loop.remove_reader(udp)
        udp.close()
        archive.close()


async def _tick(stats: TransferStats, follower: Follower, stopping: asyncio.Event, parent: int) -> None:
    """Once a second: send the counters, and see if the parent is there."""
    reported = b""
    while True:
        await asyncio.sleep(_SECOND)
        if os.getppid() != parent:
            _LOG.warning("the process that started this one is gone: ending, so as not to answer for ever")
            stopping.set()
        encoded = msgspec.msgpack.encode(stats)
        if encoded != reported and follower.report(stats):
            reported = encoded


if __name__ == "__main__":
    main()
