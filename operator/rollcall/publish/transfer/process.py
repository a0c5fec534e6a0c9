"""The transfer process: `python -m rollcall.publish.transfer.process`, started with open sockets.

It follows the feed as the DNS workers do, and answers secondaries. Without a control process it goes on with
what it has. SIGTERM ends it; so does the end of the process that started it.
"""

import asyncio
import socket
from collections.abc import Sequence
from pathlib import Path

from rollcall.feed import child
from rollcall.feed.datagrams import datagrams
from rollcall.feed.follower import Follower
from rollcall.feed.frames import TransferStats
from rollcall.model.owner import Owner
from rollcall.processes import giving_signs

from .answering.refusals import RefusalLog, count
from .answering.responder import TransferResponder
from .answering.tcp import TcpServer
from .answering.udp import receiver
from .journal.archive import Archive
from .journal.zones import TransferZones
from .secondaries.catalog import Catalogs
from .secondaries.secondaries import Secondaries

FOLDER = "transfer"
"""Of the journals, in the state folder."""

_NUMBER = 0
_MODULE = "rollcall.publish.transfer.process"


def command(
    udp: int,
    tcp: int,
    feed: Path,
    state_dir: Path,
    owner: Owner,
    log_format: str = "text",
    log_level: str = "info",
) -> list[str]:
    """Give the arguments to the interpreter that start the process on open descriptors."""
    own = {"state_dir": state_dir, "owner": owner.encode()}
    return child.command(_MODULE, udp, tcp, feed, log_format, log_level, **own)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run until told to end."""
    parser = child.arguments(_MODULE, __doc__)
    parser.add_argument("--state-dir", type=Path, required=True, help="folder for the journals")
    parser.add_argument("--owner", type=Owner.decode, required=True, help="whose these have to be")
    options = parser.parse_args(arguments)
    udp, tcp = child.begin(options, "transfer")
    asyncio.run(serve(udp, tcp, options.feed, options.state_dir / FOLDER, options.owner))


async def serve(udp: socket.socket, tcp: socket.socket, feed: Path, folder: Path, owner: Owner) -> None:
    """Serve transfers on both sockets until SIGTERM, or until the parent process is gone."""
    ending = child.Ending()
    loop = asyncio.get_running_loop()
    archive = Archive(folder, owner)
    archive.load()

    stats = TransferStats()
    refusals = RefusalLog(stats)
    zones = TransferZones(archive)
    responder = TransferResponder(zones, stats, refusals)
    catalogs = Catalogs(zones)
    follower = Follower(feed, _NUMBER, zones)
    udp.setblocking(False)
    secondaries = Secondaries(
        zones, follower.report, lambda outcome: count(stats.notifies, outcome), catalogs, udp
    )
    zones.on_settings += [catalogs.refresh, secondaries.on_settings]
    zones.on_version.append(secondaries.on_version)

    try:
        with giving_signs():
            async with asyncio.TaskGroup() as group:
                following = group.create_task(follower.run())
                # What waits in the sockets of a process that was restarted shall be answered, not refused.
                await follower.settle(child.SETTLE_SECONDS)
                loop.add_reader(udp, receiver(datagrams(udp), responder, refusals, secondaries.on_response))
                tasks = [
                    following,
                    group.create_task(TcpServer(responder, refusals).run(tcp)),
                    group.create_task(secondaries.run()),
                    group.create_task(archive.run()),
                    group.create_task(child.tick(ending, follower, stats)),
                ]
                await ending.wait()
                for task in tasks:
                    task.cancel()
    finally:
        loop.remove_reader(udp)
        udp.close()
        archive.close()


if __name__ == "__main__":
    main()
