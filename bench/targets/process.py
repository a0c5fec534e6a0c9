"""Rollcall as it is run for this part: with a port for transfers, and stopped and started again."""

import re
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

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

    def metrics(self) -> "Metrics":
        """Read /metrics. Raises ControlPlaneError when there is no answer."""
        url = f"http://127.0.0.1:{self._http_port}/metrics"
        try:
            with urllib.request.urlopen(url, timeout=30) as response:  # our own server
                return Metrics(response.read().decode())
        except OSError as error:
            raise ControlPlaneError(f"Rollcall's metrics can't be read: {error}") from error

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
            f"--operator-namespace={NAMESPACE}",
            f"--state-dir={self._plane.folder / 'rollcall'}",
        ]


class Metrics:
    """The samples of one page in Prometheus' text format."""

    def __init__(self, text: str) -> None:
        self._families = list(text_string_to_metric_families(text))

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of a metric that have these labels; 0 without any."""
        return sum(value for found, value in self.samples(name) if labels.items() <= found.items())

    def samples(self, name: str) -> Iterator[tuple[dict[str, str], float]]:
        """Yield labels and value of each sample of a metric."""
        for family in self._families:
            for sample in family.samples:
                if sample.name == name:
                    yield sample.labels, sample.value
