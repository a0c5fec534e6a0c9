"""kubectl and helm against one cluster, away from the user's own configuration and caches."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from controlplane import programs
from controlplane.child import GO_MEMORY
from controlplane.errors import CommandFailed

_SHOWN_CHARACTERS = 2000


def run(
    program: str,
    arguments: Sequence[str],
    kubeconfig: Path,
    folder: Path,
    *,
    input: str | None,
    timeout_seconds: float,
) -> str:
    """Run kubectl or helm and return what it printed on stdout.

    Raises CommandFailed with what it said on stderr when it fails or takes too long.
    """
    command = [str(programs.find(program)), *arguments]
    try:
        done = subprocess.run(
            command,
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            env=environment(kubeconfig, folder),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CommandFailed(
            f"{program} {' '.join(arguments)} took longer than {timeout_seconds:.0f} s"
        ) from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip())[-_SHOWN_CHARACTERS:]
        raise CommandFailed(f"{program} {' '.join(arguments)}: exit {done.returncode}: {said}")
    return done.stdout


def environment(kubeconfig: Path, folder: Path) -> dict[str, str]:
    """Make the environment for a command that talks to this cluster only.

    The caches matter: kubectl keeps what it learned of a server by host and port for minutes, and
    a port of ours is soon another server's.
    """
    return {
        **os.environ,
        **GO_MEMORY,
        "KUBECONFIG": str(kubeconfig),
        "KUBECACHEDIR": str(folder / "kubectl-cache"),
        "HELM_CACHE_HOME": str(folder / "helm" / "cache"),
        "HELM_CONFIG_HOME": str(folder / "helm" / "config"),
        "HELM_DATA_HOME": str(folder / "helm" / "data"),
    }
