"""Which cluster credentials lead to, as far as that is known without asking it or logging in.

The state on disk has to be told from another cluster's before there is a connection, in the process that
starts all others. So what matters is read here, and not with the `kubernetes` package: that costs 20 MB and
0.2 s, and may run a login program. What it would find is found here too: a test compares them.
"""

import base64
import hashlib
import os
import re
from pathlib import Path
from typing import NamedTuple

import msgspec
import yaml

from rollcall.model.owner import ClusterName

from .credentials import in_cluster, kubeconfig_path, source
from .errors import CredentialsError

_DEFAULT = "~/.kube/config"
_ACCOUNT_CA = Path("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt")
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)


class Destination(NamedTuple):
    """Where credentials lead. `context` is that of the kubeconfig, None for a pod's own account."""

    cluster: ClusterName
    context: str | None


class _Cluster(msgspec.Struct, frozen=True, rename="kebab"):
    server: str = ""
    certificate_authority: str | None = None
    certificate_authority_data: str | None = None


class _Context(msgspec.Struct, frozen=True):
    cluster: str = ""


class _NamedCluster(msgspec.Struct, frozen=True):
    name: str
    cluster: _Cluster


class _NamedContext(msgspec.Struct, frozen=True):
    name: str
    context: _Context


class _Kubeconfig(msgspec.Struct, frozen=True, rename="kebab"):
    clusters: list[_NamedCluster] | None = None
    contexts: list[_NamedContext] | None = None
    current_context: str | None = None


def destination(kubeconfig: str | None, context: str | None) -> Destination:
    """Return where a kubeconfig and a context lead; None is the default of each. Blocks on the disk.

    Raises:
        CredentialsError: there is no usable kubeconfig or service account.
    """
    try:
        if in_cluster(kubeconfig, context):
            host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ.get("KUBERNETES_SERVICE_PORT", "")
            server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
            return Destination(ClusterName(server, _digests(_ACCOUNT_CA.read_bytes())), None)
        return _of_kubeconfig(kubeconfig_path(kubeconfig) or _DEFAULT, context)
    except (CredentialsError, OSError, yaml.YAMLError, msgspec.MsgspecError, ValueError) as error:
        raise CredentialsError(f"{source(kubeconfig, context)}: {error}") from error


def _of_kubeconfig(paths: str, context: str | None) -> Destination:
    """Look into a file, or several: of one name the first counts, of current contexts the last."""
    clusters: dict[str, tuple[_Cluster, Path]] = {}
    contexts: dict[str, str] = {}
    current = None
    for path in (Path(each).expanduser() for each in paths.split(os.pathsep) if each):
        if not path.exists():
            continue
        read = msgspec.convert(yaml.safe_load(path.read_bytes()) or {}, _Kubeconfig)
        for cluster in read.clusters or ():
            clusters.setdefault(cluster.name, (cluster.cluster, path.parent))
        for each in read.contexts or ():
            contexts.setdefault(each.name, each.context.cluster)
        current = read.current_context or current
    wanted = context or current
    if wanted is None:
        raise CredentialsError("there is no kubeconfig that has a current context")
    if wanted not in contexts:
        raise CredentialsError(f"there is no context {wanted!r}")
    if contexts[wanted] not in clusters:
        raise CredentialsError(
            f"the context {wanted!r} is of a cluster that is not there: {contexts[wanted]!r}"
        )
    found, folder = clusters[contexts[wanted]]
    return Destination(ClusterName(found.server.rstrip("/"), _digests(_authorities(found, folder))), wanted)


def _authorities(cluster: _Cluster, folder: Path) -> bytes:
    if cluster.certificate_authority_data is not None:
        return base64.b64decode(cluster.certificate_authority_data)
    if cluster.certificate_authority:
        return (folder / cluster.certificate_authority).read_bytes()
    return b""


def _digests(pem: bytes) -> tuple[str, ...]:
    """Return a digest of each certificate: whatever is written around them doesn't matter."""
    found = [base64.b64decode(body) for body in _CERTIFICATE.findall(pem)]
    if pem.strip() and not found:
        raise CredentialsError("the certificate authority holds no certificate")
    return tuple(dict.fromkeys(hashlib.sha256(each).hexdigest() for each in found))
