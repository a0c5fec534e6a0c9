"""Servers for as long as a test runs, where their programs are installed."""

import contextlib
from collections.abc import Iterator
from typing import TypeVar

import pytest

from controlplane.errors import FetchFailed, ProgramMissing
from nameservers.nameserver import Nameserver

_Server = TypeVar("_Server", bound=Nameserver)


@contextlib.contextmanager
def serving(*servers: _Server) -> Iterator[list[_Server]]:
    """Start servers, and end them; a test whose program is not to be had says so and is skipped."""
    with contextlib.ExitStack() as stack:
        for server in servers:
            try:
                stack.enter_context(server)
            except (FetchFailed, ProgramMissing) as error:
                pytest.skip(str(error))
        yield list(servers)
