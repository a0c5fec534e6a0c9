"""A stand-in for the kubelet: runs the pods of a namespace, as far as the API and their clients can see it.

    with Kubelet(plane.client, "shop", port) as kubelet:
        plane.kubectl("apply", "-f", "-", input=deployment)  # whose pods have this node's name

Each pod gets an address of its own, and after a while a TCP server that tells its clients the pod's name. It
is reached at `reached_at(address)`: there is no network of pods, and no record holds a loopback one. Ready
is what Kubernetes says it is: the containers are ready, and so is every readiness gate. A pod that is being
deleted goes on serving while its preStop hook runs, which is a real process.
"""

import itertools
import threading
from types import TracebackType
from typing import Self

from controlplane.client import Client, Json, path
from controlplane.manifests import NODE
from controlplane.podworker import PodWorker

_WATCH_SECONDS = 1
_END_SECONDS = 30.0
_NETWORK = "10.77"


class Kubelet:
    """Plays one node for one namespace, until the end of the `with`.

    `events` are those of its pods, oldest first: the API server forgets what is older than a minute or so.
    """

    _hosts = itertools.count(1)  # of all kubelets, so that no address is ever given to another pod

    def __init__(self, client: Client, namespace: str, port: int) -> None:
        self.events: list[Json] = []
        self._client = client
        self._namespace = namespace
        self._port = port
        self._workers: dict[str, PodWorker] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="kubelet")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Halt: all servers and hooks end, and the pods stay in the API as they are."""
        self._ended.set()
        self._thread.join(_END_SECONDS)
        for worker in self._workers.values():
            worker.forget()
        for worker in self._workers.values():
            worker.join(_END_SECONDS)

    @property
    def serving(self) -> dict[str, str]:
        """The addresses that have a server now, by the name of their pod."""
        return {each.pod: each.address for each in list(self._workers.values()) if each.serving}

    def _watch(self) -> None:
        pods = path("v1", "pods", self._namespace)
        mine = f"spec.nodeName={NODE}"
        known = self._client.list(pods, fieldSelector=mine)
        for pod in known["items"]:
            self._take(pod)
        version = known["metadata"]["resourceVersion"]
        while not self._ended.is_set():
            events = self._client.watch(
                pods, fieldSelector=mine, resourceVersion=version, timeoutSeconds=str(_WATCH_SECONDS)
            )
            for event in events:
                version = event["object"]["metadata"]["resourceVersion"]
                self.events.append(event)
                self._take(event["object"], deleted=event["type"] == "DELETED")

    def _take(self, pod: Json, *, deleted: bool = False) -> None:
        uid = pod["metadata"]["uid"]
        worker = self._workers.get(uid)
        if deleted:
            if worker is not None:
                worker.forget()
            return
        if worker is None:
            worker = PodWorker(self._client, pod, self._address(), self._port)
            self._workers[uid] = worker
            worker.start()
        worker.tell(pod)

    def _address(self) -> str:
        number = next(self._hosts)
        return f"{_NETWORK}.{number >> 8}.{number & 255}"
