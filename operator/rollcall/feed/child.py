"""A child of the supervisor that answers from the feed, with sockets that were open before it: start and end.

SIGTERM ends it; so does the end of the process that started it. Ctrl-C, which reaches the whole group, is
for the supervisor to decide about.
"""

import argparse
import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Never

import msgspec

from rollcall.logs import configure

from .follower import Follower
from .frames import Stats, TransferStats

log = logging.getLogger(__name__)

SETTLE_SECONDS = 0.5
"""How long a child waits for the state before it answers what waits in its sockets (`Follower.settle`)."""

_SECOND = 1.0


def command(
    module: str, udp: int, tcp: int, feed: Path, log_format: str, log_level: str, **more: object
) -> list[str]:
    """Return the arguments to the interpreter that start a module on open descriptors; `more` are its own."""
    options = {"udp_fd": udp, "tcp_fd": tcp, "feed": feed, "log_format": log_format, "log_level": log_level}
    return [
        "-m",
        module,
        *(f"--{name.replace('_', '-')}={value}" for name, value in (options | more).items()),
    ]


def arguments(module: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser of what `command` makes, but for the module's own options."""
    parser = argparse.ArgumentParser(prog=module, description=description)
    parser.add_argument("--udp-fd", type=int, required=True, help="descriptor of a bound UDP socket")
    parser.add_argument("--tcp-fd", type=int, required=True, help="descriptor of a listening TCP socket")
    parser.add_argument("--feed", type=Path, required=True, help="unix socket of the control process")
    parser.add_argument("--log-format", choices=("text", "json"), default="text")
    parser.add_argument("--log-level", default="info")
    return parser


def begin(options: argparse.Namespace, name: str) -> tuple[socket.socket, socket.socket]:
    """Set up the process, by that name in the log; return its UDP and its TCP socket."""
    configure(options.log_format, options.log_level, name)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return socket.socket(fileno=options.udp_fd), socket.socket(fileno=options.tcp_fd)


class Ending:
    """When a child is to end. Make it in the running loop, before anything that takes time."""

    def __init__(self) -> None:
        self._parent = os.getppid()
        self._event = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._event.set)

    async def wait(self) -> None:
        """Wait for SIGTERM, or for `check_parent` to find that the parent is gone."""
        await self._event.wait()

    def check_parent(self) -> None:
        """End if the parent is gone."""
        if os.getppid() != self._parent:
            log.warning("the process that started this one is gone: ending, so as not to answer for ever")
            self._event.set()


async def tick(
    ending: Ending,
    follower: Follower,
    stats: Stats | TransferStats,
    each_second: Callable[[], None] = lambda: None,
) -> Never:
    """Once a second, until cancelled: see if the parent is there, and send the counters if they changed."""
    reported = b""
    while True:
        await asyncio.sleep(_SECOND)
        each_second()
        ending.check_parent()
        encoded = msgspec.msgpack.encode(stats)
        if encoded != reported and follower.report(stats):
            reported = encoded
