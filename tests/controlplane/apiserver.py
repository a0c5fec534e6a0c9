"""The kube-apiserver: its credentials, its flags, and whether it is ready.

A token file gives an administrator, and the server makes its own serving certificate. Admission
of ServiceAccount is off, since no controller makes the accounts that pods would mount; the
authorization is the real RBAC.
"""

import base64
import secrets
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from controlplane import probe
from controlplane.child import GO_MEMORY, Child

_START_TIMEOUT_SECONDS = 180.0
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_P256_OID = bytes.fromhex("a00a06082a8648ce3d030107")


@dataclass(frozen=True, slots=True)
class Credentials:
    """The administrator's token, and the key that signs service accounts' tokens."""

    token: str
    tokens: Path
    key: Path
    certificates: Path

    @property
    def ca(self) -> Path:
        """The certificate that the server makes at its first start, followed by its CA's."""
        return self.certificates / "apiserver.crt"


def make_credentials(folder: Path) -> Credentials:
    """Write a token file and a signing key into the folder."""
    token = secrets.token_hex(16)
    tokens = folder / "tokens.csv"
    tokens.write_text(f'{token},admin,admin,"system:masters"\n')
    tokens.chmod(0o600)
    key = folder / "service-accounts.key"
    key.write_text(_signing_key())
    key.chmod(0o600)
    return Credentials(token, tokens, key, folder / "certificates")


def _signing_key() -> str:
    """Make a P-256 key in PEM (RFC 5915), with nothing but Python.

    The public half is left out; who reads the key computes it.
    """
    number = secrets.randbelow(_P256_ORDER - 1) + 1
    der = bytes.fromhex("30310201010420") + number.to_bytes(32, "big") + _P256_OID
    text = base64.encodebytes(der).decode()
    return f"-----BEGIN EC PRIVATE KEY-----\n{text}-----END EC PRIVATE KEY-----\n"


def flags(etcd_url: str, port: int, credentials: Credentials, *, storage_json: bool) -> list[str]:
    """Return the smallest set of flags that gives a whole API; API groups cannot be trimmed."""
    chosen = [
        f"--etcd-servers={etcd_url}",
        f"--cert-dir={credentials.certificates}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={port}",
        "--endpoint-reconciler-type=none",
        "--service-cluster-ip-range=10.96.0.0/12,fd00:10:96::/108",
        "--allow-privileged=true",
        "--disable-admission-plugins=ServiceAccount",
        "--authorization-mode=RBAC",
        f"--token-auth-file={credentials.tokens}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={credentials.key}",
        f"--service-account-signing-key-file={credentials.key}",
    ]
    if storage_json:
        chosen.append("--storage-media-type=application/json")
    return chosen


def start(program: Path, port: int, credentials: Credentials, arguments: Sequence[str], log: Path) -> Child:
    """Start the server and wait until it is ready.

    Raises PortTaken when its port was taken meanwhile, StartFailed otherwise.
    """
    child = Child("kube-apiserver", [program, *arguments], log, GO_MEMORY)
    try:
        child.wait_until(lambda: is_ready(port, credentials), _START_TIMEOUT_SECONDS)
    except BaseException:
        child.stop(0)
        raise
    return child


def is_ready(port: int, credentials: Credentials) -> bool:
    """Ask /readyz, trusting only the certificate in our own folder.

    Another server that took the port meanwhile has another certificate.
    """
    try:
        context = ssl.create_default_context(cafile=str(credentials.ca))
    except OSError:  # it has not made its certificate yet
        return False
    return probe.get(port, "/readyz", context, credentials.token) is not None
