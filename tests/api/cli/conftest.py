"""The installed command against the real API server."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from controlplane import ControlPlane

SECONDS = 60.0

COMMAND = (sys.executable, "-m", "rollcall.cli")


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


Run = Callable[..., Ended]


def environment(plane: ControlPlane, **more: str) -> dict[str, str]:
    """Return the environment of a command: our cluster, and no settings of whoever runs the tests."""
    mine = ("ROLLCALL_SERVER", "NO_COLOR", "FORCE_COLOR", "KUBERNETES_SERVICE_HOST")
    inherited = {name: value for name, value in os.environ.items() if name not in mine}
    return inherited | {"KUBECONFIG": str(plane.kubeconfig), **more}


@pytest.fixture
def command(cluster: ControlPlane) -> Run:
    """Return a function that runs the command line to its end."""

    def run(*arguments: str, **more: str) -> Ended:
        done = subprocess.run(
            [*COMMAND, *arguments],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            env=environment(cluster, **more),
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    return run
