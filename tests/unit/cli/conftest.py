"""The command line as a user has it, against a canned API server."""

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from rollcall.cli.group import group
from unit.cli.canned import CannedApi

NOW = datetime(2026, 1, 1, 12, 5, tzinfo=UTC)

KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: here
contexts:
- {name: here, context: {cluster: here, user: me, namespace: shop}}
- {name: there, context: {cluster: here, user: me}}
clusters:
- {name: here, cluster: {server: "http://127.0.0.1:1"}}
users:
- {name: me, user: {}}
"""


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


Rollcall = Callable[..., Ended]


@pytest.fixture(autouse=True)
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the tests from the cluster and the settings of whoever runs them."""
    path = tmp_path / "kubeconfig"
    path.write_text(KUBECONFIG)
    monkeypatch.setenv("KUBECONFIG", str(path))
    for name in ("ROLLCALL_SERVER", "NO_COLOR", "FORCE_COLOR", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    return path


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> CannedApi:
    """Put a canned API server behind the commands, and stop their clock."""
    canned = CannedApi()
    monkeypatch.setattr("rollcall.cli.cluster.KubeClient", lambda credentials: canned)
    monkeypatch.setattr("rollcall.cli.output.utc_now", lambda: NOW)
    return canned


@pytest.fixture
def rollcall() -> Iterator[Rollcall]:
    """Give a function that runs the command line, and take back what that does to logging."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers.copy()

    def run(*arguments: str, **environment: str) -> Ended:
        result = CliRunner().invoke(group, arguments, env=environment, prog_name="rollcall")
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ended(result.exit_code, result.stdout, result.stderr)

    yield run
    logging.captureWarnings(False)
    root.setLevel(level)
    root.handlers[:] = handlers
