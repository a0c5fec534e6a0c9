"""What gives the pods of a namespace to a node: the scheduler's part, for pods that name none themselves."""

import threading
from typing import Self

from controlplane import ApiError, ControlPlane, path
from controlplane.manifests import NODE

LOOK_SECONDS = 0.05

_TOO_LATE = (404, 409)
"""The pod has been deleted since it was listed, or is about to be."""


class Scheduler:
    """Binds every pod of a namespace that is on no node yet, until the end of the `with`."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self._client = plane.client
        self._pods = path("v1", "pods", namespace)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scheduler")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            for pod in self._client.list(self._pods, fieldSelector="spec.nodeName=")["items"]:
                name = pod["metadata"]["name"]
                binding = {
                    "apiVersion": "v1",
                    "kind": "Binding",
                    "metadata": {"name": name},
                    "target": {"apiVersion": "v1", "kind": "Node", "name": NODE},
                }
                try:
                    self._client.create(f"{self._pods}/{name}/binding", binding)
                except ApiError as error:
                    if error.status not in _TOO_LATE:
                        raise
