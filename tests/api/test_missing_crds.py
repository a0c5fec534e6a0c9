"""Where the CRDs are missing, everybody who meets that says what to apply; then it goes on by itself."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.cli.conftest import COMMAND, environment
from controlplane import ControlPlane
from rollcall_process import Rollcall
from waiting import eventually

REMEDY = "kubectl apply --server-side -f manifests/"


@pytest.fixture(scope="module")
def bare() -> Iterator[ControlPlane]:
    """Start an API server that has never heard of us."""
    with ControlPlane() as plane:
        yield plane


@pytest.mark.parametrize(
    "arguments",
    [
        ["status", "-A"],
        ["status", "web", "-n", "default"],
        ["watch", "-A"],
        ["release", "status", "web", "-n", "default"],
        ["check"],
    ],
)
def test_commands(bare: ControlPlane, arguments: list[str]) -> None:
    done = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, env=environment(bare), check=False, timeout=60
    )
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert REMEDY in said
    assert "page not found" not in said


def test_the_operator(bare: ControlPlane, cluster_crds: Path, tmp_path: Path) -> None:
    with Rollcall(bare.kubeconfig, tmp_path) as rollcall:
        eventually(lambda: f"{REMEDY}crds/" in rollcall.text, "what to apply, in the log")
        eventually(lambda: f"{REMEDY}crds/" in rollcall.get("/readyz")[1], "what to apply, on the page")
        assert "page not found" not in rollcall.text
        bare.kubectl("apply", "--server-side", "-f", str(cluster_crds))
        rollcall.wait_ready()
