"""Free loopback ports for servers that are told their port on the command line.

Not taken from the range of ephemeral ports, as bind(0) would: while an API server is stopped for
a test, a client that keeps reconnecting could be given its port as its own, and hold it.
"""

import os
import random
import socket
from collections.abc import Iterator
from functools import cache
from itertools import cycle
from pathlib import Path

_LOWEST = 12000
_FALLBACK_HIGHEST = 32767
_TRIES = 200
_WORKERS = 16
"""Processes of pytest-xdist whose ports are different ones, so that none takes what another has chosen."""


def free_port() -> int:
    """Choose a TCP and UDP port of 127.0.0.1 that nobody holds at this moment.

    Another process may take it before it is used: start the server, and choose again if its bind
    fails.
    """
    for _, port in zip(range(_TRIES), _candidates(), strict=False):
        if _is_free(port, socket.SOCK_STREAM) and _is_free(port, socket.SOCK_DGRAM):
            return port
    raise OSError(f"no free port between {_LOWEST} and {_highest()} in {_TRIES} tries")


@cache
def _candidates() -> Iterator[int]:
    """Yield the ports of this process for ever, from one of them on: none comes again soon."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
    ports = range(_LOWEST + worker, _highest() + 1, _WORKERS)
    first = random.randrange(len(ports))
    return cycle((*ports[first:], *ports[:first]))


def _highest() -> int:
    try:
        low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError):
        return _FALLBACK_HIGHEST
    return low - 1 if low > _LOWEST + 1000 else _FALLBACK_HIGHEST


def _is_free(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
