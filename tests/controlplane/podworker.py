"""One pod's life on the node of the kubelet stand-in: start, readiness, preStop hook, end.

The kubelet has a worker for each pod as well, which is told every state of it (pkg/kubelet/pod_workers.go).
"""

import contextlib
import os
import queue
import signal
import socketserver
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from controlplane import manifests
from controlplane.client import STRATEGIC_MERGE, Client, Json, path
from controlplane.errors import ApiError
from controlplane.podstatus import ended, readiness, started

START_SECONDS = 0.05
"""From a pod's address to its server, as programs need a moment to start."""

_TICK_SECONDS = 0.02
_BACKLOG = 128
_GONE = 404


class _Gone(Exception):
    """The pod's object is no more, or the node halts."""


class PodWorker(threading.Thread):
    """Runs a pod: its name is `pod`. `serving` says whether its server takes connections."""

    def __init__(self, client: Client, pod: Json, address: str, port: int) -> None:
        metadata = pod["metadata"]
        super().__init__(name=f"pod {metadata['name']}")
        self.pod: str = metadata["name"]
        self.address = address
        self.serving = False
        self._client = client
        self._state = pod
        self._port = port
        self._states: queue.SimpleQueue[Json | None] = queue.SimpleQueue()
        self._path = path("v1", "pods", metadata["namespace"], self.pod)

    def tell(self, pod: Json) -> None:
        """Hand it a new state of the object."""
        self._states.put(pod)

    def forget(self) -> None:
        """Let all of it end at once, without another word to the API."""
        self._states.put(None)

    def run(self) -> None:
        """Live until the pod has been deleted."""
        try:
            self._live()
        except _Gone:
            pass
        except ApiError as error:
            if error.status != _GONE:
                raise

    def _live(self) -> None:
        self._patch(started(self._state, self.address, manifests.now()))
        due = time.monotonic() + START_SECONDS
        self._follow(lambda: self._deleting or time.monotonic() >= due)
        if not self._deleting:
            with self._server():
                self._follow(lambda: self._deleting, containers_ready=True)
                for container in self._state["spec"]["containers"]:
                    self._run_hook(container)
        self._patch(ended(self._state, manifests.now()))
        self._client.delete(self._path, grace_seconds=0)

    @property
    def _deleting(self) -> bool:
        return "deletionTimestamp" in self._state["metadata"]

    def _follow(self, until: Callable[[], bool], *, containers_ready: bool = False) -> None:
        """Take in states and keep the conditions true until something else is to be done."""
        while True:
            if change := readiness(self._state, containers_ready, manifests.now()):
                self._patch(change)
            if until():
                return
            with contextlib.suppress(queue.Empty):
                self._take(self._states.get(timeout=_TICK_SECONDS))

    def _take(self, state: Json | None) -> None:
        if state is None:
            raise _Gone
        if int(state["metadata"]["resourceVersion"]) > int(self._state["metadata"]["resourceVersion"]):
            self._state = state

    def _patch(self, status: Json) -> None:
        self._take(self._client.patch(f"{self._path}/status", {"status": status}, STRATEGIC_MERGE))

    @contextlib.contextmanager
    def _server(self) -> Iterator[None]:
        with _Server((reached_at(self.address), self._port), self.pod) as server:
            thread = threading.Thread(target=server.serve_forever, args=(_TICK_SECONDS,))
            thread.start()
            self.serving = True
            try:
                yield
            finally:
                self.serving = False
                server.shutdown()
                thread.join()

    def _run_hook(self, container: Json) -> None:
        """Run what is to be done before the container's end, for the grace period at most."""
        hook = container.get("lifecycle", {}).get("preStop")
        if hook is None:
            return
        deadline = time.monotonic() + self._state["metadata"]["deletionGracePeriodSeconds"]
        with subprocess.Popen(
            hook["exec"]["command"],
            env=os.environ | _environment(container, self._state),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # so that what the hook starts ends with it
        ) as process:
            try:
                self._follow(
                    lambda: process.poll() is not None or time.monotonic() > deadline, containers_ready=True
                )
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)


def reached_at(address: str) -> str:
    """Return the loopback address at which the server of a pod's address listens."""
    return f"127.{address.partition('.')[2]}"


class _Server(socketserver.TCPServer):
    """Tells whoever connects a name, and hangs up."""

    allow_reuse_address = True
    request_queue_size = _BACKLOG

    def __init__(self, address: tuple[str, int], name: str) -> None:
        self._greeting = name.encode()
        super().__init__(address, socketserver.BaseRequestHandler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Greet."""
        with contextlib.suppress(OSError):  # the client has left
            request.sendall(self._greeting)


def _environment(container: Json, pod: Json) -> dict[str, str]:
    """Return a container's variables, those that name a field of the pod's metadata among them."""
    found = {}
    for variable in container.get("env", ()):
        value = variable.get("value", "")
        if field := variable.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath"):
            value = pod["metadata"][field.removeprefix("metadata.")]
        found[variable["name"]] = value
    return found
