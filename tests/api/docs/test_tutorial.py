"""The tutorial does what it says: its commands are run as they stand, against a real API server."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from controlplane import ControlPlane
from controlplane.ports import free_port
from controlplane.programs import find

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "tutorial" / "first-steps.md"
SECONDS = 300.0

_INSTALLATION = re.compile(r"^(python3 -m venv|\.venv/bin/pip|export PATH=).*\n", re.MULTILINE)


def script() -> str:
    """Return the commands of the tutorial: all its blocks marked sh, with ports that are free here."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    commands = _INSTALLATION.sub("", "\n".join(blocks))
    for port in ("10053", "8080"):
        free = str(free_port())
        commands = commands.replace(f"127.0.0.1:{port}", f"127.0.0.1:{free}").replace(
            f"-p {port}", f"-p {free}"
        )
    return commands


def test_the_tutorial(cluster: ControlPlane, tmp_path: Path) -> None:
    assert shutil.which("dig"), "the tutorial uses dig: apt-get install dnsutils"
    folders = [str(Path(sys.executable).parent), str(find("kubectl").parent), os.environ["PATH"]]
    environment = os.environ | {"KUBECONFIG": str(cluster.kubeconfig), "PATH": ":".join(folders)}
    for name in ("ROLLCALL_SERVER", "FORCE_COLOR"):
        environment.pop(name, None)
    (tmp_path / "manifests").symlink_to(ROOT / "manifests")
    try:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script()],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    finally:
        cluster.workloads.remove_namespace("first-steps")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    told = done.stdout
    assert "first-steps/web: 0 of 3 instances answered" in told
    assert "status: NOERROR" in told
    assert {"10.1.0.1", "10.1.0.2", "10.1.0.3"} <= set(told.splitlines())
    assert "web-2   10-1-0-2   10.1.0.2    http:8080   v2           100   NotReady" in told
    assert re.search(
        r"^web\.first-steps\.first-steps\.example\. 1\s+IN\s+A\s+10\.1\.0\.\d$", told, re.MULTILINE
    )
    assert told.count('"__meta_rollcall_version":"v2"') == 2  # in the ConfigMap, and over HTTP
    assert sorted(each.name for each in tmp_path.iterdir()) == ["manifests"]
