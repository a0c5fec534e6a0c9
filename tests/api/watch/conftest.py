"""A control plane that may be broken, and clients of both."""

import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from controlplane import ControlPlane
from rollcall.kube.client import KubeClient
from rollcall.kube.credentials import Credentials


@pytest.fixture(scope="session")
def client_ca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate authority and an administrator's certificate: ca.crt, admin.crt, admin.key."""
    folder = tmp_path_factory.mktemp("client-ca")
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]
    authority = ["-subj", "/CN=clients", "-keyout", "ca.key", "-out", "ca.crt"]
    user = ["-subj", "/O=system:masters/CN=cert-admin", "-keyout", "admin.key", "-out", "admin.crt"]
    signed = ["-CA", "ca.crt", "-CAkey", "ca.key", "-addext", "extendedKeyUsage=clientAuth"]
    for arguments in (authority, [*user, *signed]):
        command = ["openssl", "req", "-x509", *new_key, *arguments]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=30)
    return folder


@pytest.fixture(scope="module")
def breakable(client_ca: Path) -> Iterator[ControlPlane]:
    """Start an API server that a test may stop, freeze and rob of its history."""
    with ControlPlane(apiserver_flags=[f"--client-ca-file={client_ca / 'ca.crt'}"]) as plane:
        if not plane.ours:
            pytest.skip("an API server is broken here on purpose: unset KUBECONFIG_FOR_TESTS")
        yield plane


@pytest.fixture
async def proxied_client(proxied: Credentials) -> AsyncIterator[KubeClient]:
    async with KubeClient(proxied) as made:
        yield made
