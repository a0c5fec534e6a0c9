"""Kubeconfig files: writing ours, and reading that of a cluster that somebody else runs."""

import base64
import json
import ssl
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from controlplane.errors import ControlPlaneError

_TIMEOUT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach a cluster, as its kubeconfig says."""

    url: str
    token: str | None
    context: ssl.SSLContext
    ca: bytes | None


def write_kubeconfig(path: Path, url: str, ca: bytes, token: str) -> None:
    """Write a kubeconfig with one cluster and one user, readable to its owner only."""
    authority = base64.b64encode(ca).decode()
    text = f"""\
apiVersion: v1
kind: Config
current-context: rollcall
contexts:
- name: rollcall
  context: {{cluster: rollcall, user: rollcall}}
clusters:
- name: rollcall
  cluster:
    server: {url}
    certificate-authority-data: {authority}
users:
- name: rollcall
  user: {{token: {token}}}
"""
    path.touch(0o600)
    path.write_text(text)


def read_access(path: Path, kubectl: Path) -> Access:
    """Read the current context of a kubeconfig.

    Through kubectl, as there is no YAML in the standard library. Raises
    ControlPlaneError for a user with neither a token nor a client certificate, such as one with
    an exec plugin.
    """
    command = [str(kubectl), "config", "view", "--kubeconfig", str(path)]
    command += ["--raw", "--minify", "--flatten", "--output=json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False)
    if done.returncode:
        raise ControlPlaneError(f"kubectl cannot read {path}: {done.stderr.strip()}")
    config = json.loads(done.stdout)
    cluster: dict[str, Any] = config["clusters"][0]["cluster"]
    user: dict[str, Any] = config["users"][0]["user"]
    ca = _bytes(cluster.get("certificate-authority-data"))
    token = user.get("token")
    certificate = _bytes(user.get("client-certificate-data"))
    key = _bytes(user.get("client-key-data"))
    if not token and not (certificate and key):
        raise ControlPlaneError(f"{path}: its user has neither a token nor a client certificate")
    context = ssl.create_default_context(cadata=ca.decode() if ca else None)
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if certificate and key:
        with tempfile.NamedTemporaryFile() as pair:  # the ssl module takes files only
            pair.write(certificate + b"\n" + key)
            pair.flush()
            context.load_cert_chain(pair.name)
    return Access(str(cluster["server"]), token, context, ca)


def _bytes(data: str | None) -> bytes | None:
    return base64.b64decode(data) if data else None
