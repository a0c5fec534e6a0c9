"""The etcd under the API server: a single member on loopback, with no fsync."""

import base64
import contextlib
import http.client
import json
import subprocess
from pathlib import Path
from typing import Any

from controlplane import probe
from controlplane.child import GO_MEMORY, Child
from controlplane.errors import StartFailed
from controlplane.ports import free_port

_START_TIMEOUT_SECONDS = 60.0
_TIMEOUT_SECONDS = 60.0
_QUOTA_BYTES = 8 * 1024**3
_SERVING = "ready to serve client requests"


class Etcd:
    """A running etcd, and the few of its calls that tests need, through its JSON gateway.

    Raises PortTaken when one of its ports was taken meanwhile, StartFailed otherwise.
    """

    def __init__(self, program: Path, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        peer_url = f"http://127.0.0.1:{free_port()}"
        command: list[str | Path] = [
            program,
            "--data-dir",
            folder / "etcd",
            f"--listen-client-urls={self.url}",
            f"--advertise-client-urls={self.url}",
            f"--listen-peer-urls={peer_url}",
            f"--initial-advertise-peer-urls={peer_url}",
            f"--initial-cluster=default={peer_url}",
            f"--quota-backend-bytes={_QUOTA_BYTES}",
        ]
        if _knows(program, "unsafe-no-fsync"):
            command.append("--unsafe-no-fsync")
        self.child = Child("etcd", command, folder / "etcd.log", GO_MEMORY)
        try:
            self.child.wait_until(self._serving, _START_TIMEOUT_SECONDS)
        except BaseException:
            self.child.stop(0)
            raise

    def call(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Make one call of the v3 API, such as `call("kv/range", {"key": …})`; bytes are base64.

        Raises StartFailed when etcd refuses it.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_TIMEOUT_SECONDS)
        with contextlib.closing(connection):
            connection.request("POST", f"/v3/{path}", json.dumps(body))
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
        if response.status != 200:
            raise StartFailed(f"etcd refused {path}: {answer.get('message', response.reason)}")
        return answer

    def revision(self) -> int:
        """Return the revision of the last write, which is the API server's newest resourceVersion."""
        answer = self.call("kv/range", {"key": encoded("/"), "count_only": True})
        return int(answer["header"]["revision"])

    def advance(self, revision: int) -> None:
        """Write beside the API server's keys until the revision is at least this."""
        while self.revision() < revision:
            self.call("kv/put", {"key": encoded("/elsewhere"), "value": encoded("x")})

    def compact(self) -> int:
        """Forget all history before the present revision, and return that revision."""
        revision = self.revision()
        self.call("kv/compaction", {"revision": revision, "physical": True})
        return revision

    def _serving(self) -> bool:
        """Healthy, and by its own log: on the port there may be another plane's etcd."""
        health = probe.get(self.port, "/health")
        return health is not None and b'"true"' in health and _SERVING in self.child.output()


def encoded(text: str) -> str:
    """Encode a key or value as the gateway wants it."""
    return base64.b64encode(text.encode()).decode()


def _knows(program: Path, flag: str) -> bool:
    """Debian's etcd 3.4 lacks some flags."""
    done = subprocess.run([program, "--help"], capture_output=True, text=True, check=False)
    return flag in done.stdout + done.stderr
