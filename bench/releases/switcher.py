"""Writes which side is active, and notes when the API server has acknowledged it, by the kernel's stamp."""

import json
import select
import ssl
import time
from types import TracebackType
from typing import Self

from bench.apiconnection import ApiConnection
from bench.releases.sides import Side
from bench.releases.timeline import Switch
from bench.releases.versions import Versioned
from controlplane import ControlPlane, ControlPlaneError
from controlplane.client import MERGE

_TIMEOUT_SECONDS = 30.0


class Switcher:
    """One connection to the API server, for the switches of one service; a context manager."""

    def __init__(self, plane: ControlPlane, service: Versioned) -> None:
        self._port = plane.faults.port
        self._token = plane.token
        self._service = service
        self._connection = ApiConnection(self._port, ssl.create_default_context(cafile=str(plane.ca)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def switch(self, to: Side, version: str) -> Switch:
        """Make a version, which is that side, the active one. Raises ControlPlaneError."""
        body = json.dumps({"spec": {"release": {"blueGreen": {"active": version}}}}).encode()
        head = (
            f"PATCH {self._service.path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n"
            f"Authorization: Bearer {self._token}\r\nAccept: application/json\r\n"
            f"Content-Type: {MERGE}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        asked_ns = time.time_ns()
        self._connection.send(head.encode() + body)
        while True:
            if not select.select([self._connection], [], [], _TIMEOUT_SECONDS)[0]:
                raise ControlPlaneError(f"a switch was not answered in {_TIMEOUT_SECONDS:.0f} s")
            if (response := self._connection.receive()) is not None:
                break
        if response.status != 200:
            raise ControlPlaneError(
                f"{self._service.namespace}/{self._service.name} can't be switched to {version}: "
                f"{response.status} {response.body[:200]!r}"
            )
        return Switch(to, asked_ns, response.received_ns)
