"""Rollcall as it is run for this part: with a port for transfers, and stopped and started again."""

import re
import sys
from pathlib import Path

from bench.metrics import Metrics
from bench.processes import command_line, descendants
from controlplane import ControlPlane, ControlPlaneError
from controlplane.child import Child
from controlplane.ports import free_port

NAMESPACE = "rollcall-system"
"""Of the Secrets with the keys."""

_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_HTTP_LINE = re.compile(r"http on \S+:(\d+)")


class RollcallProcess:
    """`rollcall run`; its port for transfers stays over a restart, as the secondaries know it."""

    def __init__(self, plane: ControlPlane) -> None:
        self.transfer_port = free_port()
        self._plane = plane
        self._child: Child | None = None
        self._http_port = 0

    def start(self) -> None:
        """Start it, and wait until it listens."""
        child = Child("rollcall", self._command(), self._plane.folder / "rollcall.log")
        self._child = child
        child.wait_until(lambda: _HTTP_LINE.search(child.output()) is not None, _START_SECONDS)
        found = _HTTP_LINE.search(child.output())
        assert found is not None
        self._http_port = int(found[1])

    def stop(self) -> None:
        """End it as a rollout does; nothing when it doesn't run."""
        if self._child is not None:
            self._child.stop(_STOP_SECONDS)
            self._child = None

    @property
    def pids(self) -> list[int]:
        """All its processes."""
        pid = self._running.pid
        return [pid, *descendants(pid)]

    @property
    def control_pid(self) -> int:
        """The process that watches and publishes."""
        return next(pid for pid in self.pids if "rollcall.app" in command_line(pid))

    def metrics(self) -> Metrics:
        """Read /metrics. Raises ControlPlaneError when there is no answer."""
        return Metrics.of(self._http_port)

    @property
    def _running(self) -> Child:
        if self._child is None:
            raise ControlPlaneError("Rollcall doesn't run")
        return self._child

    def _command(self) -> list[str | Path]:
        return [
            Path(sys.executable).with_name("rollcall"),
            "run",
            f"--kubeconfig={self._plane.kubeconfig}",
            "--dns-listen=127.0.0.1:0",
            f"--transfer-listen=127.0.0.1:{self.transfer_port}",
            "--http-listen=127.0.0.1:0",
            "--lameduck=0",
            "--generate-after=0",
            f"--operator-namespace={NAMESPACE}",
            f"--state-dir={self._plane.folder / 'rollcall'}",
        ]
