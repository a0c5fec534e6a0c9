"""One API server for all tests of this tier, and a namespace of its own for each."""

import subprocess
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import pytest

from api.faultproxy import FaultProxy
from api.objects import Objects
from controlplane import ControlPlane, FetchFailed, ProgramMissing
from key_material import check_cluster
from rollcall.kube.client import KubeClient
from rollcall.kube.credentials import Credentials
from waiting import SECONDS

CRDS = Path(__file__).parents[2] / "manifests" / "crds"

_numbers = count(1)


@pytest.fixture(scope="session")
def cluster_crds() -> Path:
    """Return the folder with our CRDs, for tests that start an API server of their own."""
    return CRDS


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
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=SECONDS)
    return folder


@pytest.fixture(scope="session")
def cluster(client_ca: Path) -> Iterator[ControlPlane]:
    """Start an etcd and a kube-apiserver with our CRDs in it, which knows users by certificates, too."""
    with ControlPlane(apiserver_flags=[f"--client-ca-file={client_ca / 'ca.crt'}"]) as plane:
        plane.kubectl("apply", "--server-side", "-f", str(CRDS))
        plane.kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", str(CRDS))
        yield plane


@pytest.fixture(scope="module")
def controllers(cluster: ControlPlane) -> Iterator[None]:
    """Run the controllers of Deployments."""
    if not cluster.ours:
        pytest.skip("this cluster has controllers and nodes of its own")
    try:
        manager = cluster.start_controllers(["deployment-controller", "replicaset-controller"])
    except (FetchFailed, ProgramMissing) as error:
        pytest.skip(str(error))
    yield
    manager.stop()


@pytest.fixture
def namespace(cluster: ControlPlane) -> Iterator[str]:
    """Make a namespace, and remove it with all that is in it, in which there must be no key of ours."""
    name = f"test-{next(_numbers)}"
    cluster.workloads.make_namespace(name)
    yield name
    check_cluster(cluster, name)
    cluster.workloads.remove_namespace(name)


@pytest.fixture
async def client(cluster: ControlPlane) -> AsyncIterator[KubeClient]:
    async with KubeClient(Credentials(str(cluster.kubeconfig))) as made:
        yield made


@pytest.fixture
async def proxy(cluster: ControlPlane) -> AsyncIterator[FaultProxy]:
    """Stand between a client and the API server, to go wrong on command."""
    async with FaultProxy(cluster) as made:
        yield made


@pytest.fixture
def proxied(proxy: FaultProxy, tmp_path: Path) -> Credentials:
    """Make credentials that lead through the proxy."""
    return Credentials(proxy.kubeconfig(tmp_path))


@pytest.fixture
async def objects(client: KubeClient, namespace: str) -> AsyncIterator[Objects]:
    """Write our custom resources; zones, which are in no namespace, are gone after the test."""
    made = Objects(client, namespace)
    yield made
    await made.clear_zones()


@pytest.fixture
def zone_name() -> str:
    """Give a name that no other test has used, for a name and a domain."""
    return f"zone-{next(_numbers)}"
