"""Writes the readiness of many pods as fast as the API server takes it, and notes each acknowledgement."""

import json
import selectors
import ssl
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

from bench.apiconnection import ApiConnection
from bench.board import Acknowledgements
from bench.world import Pod
from controlplane import ControlPlane, ControlPlaneError, manifests, path
from controlplane.client import STRATEGIC_MERGE

CONNECTIONS = 8
"""The API server keeps two cores busy with this many writers; more only wait there."""

_TIMEOUT_SECONDS = 30.0
_REST_SECONDS = 20.0
"""After a longer rest the connections are opened anew: the API server closes those that are idle."""


class Writer:
    """Plays the kubelets of all nodes; a context manager."""

    def __init__(self, plane: ControlPlane, written: Acknowledgements) -> None:
        self._port = plane.faults.port
        self._context = ssl.create_default_context(cafile=str(plane.ca))
        self._token = plane.token
        self._written = written
        self._connections: list[ApiConnection] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def begin(self) -> None:
        """Forget earlier acknowledgements, before the pollers look at them, and be ready to write."""
        self._written.clear()
        rested = [each for each in self._connections if each.idle_seconds > _REST_SECONDS]
        for connection in rested:  # each by itself: single flips use only the first
            connection.close()
            self._connections.remove(connection)
        while len(self._connections) < CONNECTIONS:
            self._connections.append(ApiConnection(self._port, self._context))

    def flip(self, pods: Iterable[Pod], ready: bool) -> None:
        """Write the readiness of these pods, and return when all writes are acknowledged.

        Raises ControlPlaneError when one is refused or not answered.
        """
        try:
            Flip(self._written, self._requests(pods, ready)).run(self._connections)
        except (OSError, ControlPlaneError) as error:
            self._close()  # requests are under way on them
            raise ControlPlaneError(f"the writes to pods broke off: {error}") from error

    def _close(self) -> None:
        while self._connections:
            self._connections.pop().close()

    def _requests(self, pods: Iterable[Pod], ready: bool) -> Iterator[tuple[Pod, bytes]]:
        body = json.dumps({"status": manifests.readiness(ready)}).encode()
        for pod in pods:
            target = path("v1", "pods", pod.namespace, pod.name) + "/status"
            head = (
                f"PATCH {target} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n"
                f"Authorization: Bearer {self._token}\r\nAccept: application/json\r\n"
                f"Content-Type: {STRATEGIC_MERGE}\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            yield pod, head.encode() + body


class Flip:
    """Some writes under way on several connections."""

    def __init__(self, written: Acknowledgements, requests: Iterator[tuple[Pod, bytes]]) -> None:
        self._written = written
        self._left = requests
        self._selector = selectors.DefaultSelector()

    def run(self, connections: Iterable[ApiConnection]) -> None:
        """Send all requests, one at a time on each connection."""
        with self._selector as selector:
            for connection in connections:
                self._send_next(connection)
            while selector.get_map():
                readable = selector.select(_TIMEOUT_SECONDS)
                if not readable:
                    raise ControlPlaneError(f"a write was not answered in {_TIMEOUT_SECONDS:.0f} s")
                for key, _ in readable:
                    self._receive(*key.data)

    def _send_next(self, connection: ApiConnection) -> None:
        if (item := next(self._left, None)) is not None:
            pod, request = item
            connection.send(request)
            self._selector.register(connection, selectors.EVENT_READ, (connection, pod))

    def _receive(self, connection: ApiConnection, pod: Pod) -> None:
        response = connection.receive()
        if response is None:
            return
        if response.status != 200:
            raise ControlPlaneError(
                f"the status of pod {pod.namespace}/{pod.name} can't be written: "
                f"{response.status} {response.body[:200]!r}"
            )
        self._written.add(pod.slot, response.received_ns)
        self._selector.unregister(connection)
        self._send_next(connection)
