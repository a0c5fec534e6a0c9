"""One API server for all tests of this tier, and a namespace of its own for each."""

import signal
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import pytest

from api.faultproxy import FaultProxy
from controlplane import ControlPlane, FetchFailed, ProgramMissing
from rollcall.kube.client import KubeClient
from rollcall.kube.credentials import Credentials

CRDS = Path(__file__).parents[2] / "manifests" / "crds"

_numbers = count(1)


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Let Ctrl-C end the programs that tests start.

    A shell without job control has what it puts in the background ignore the signal, which is inherited.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def cluster_crds() -> Path:
    """Return the folder with our CRDs, for tests that start an API server of their own."""
    return CRDS


@pytest.fixture(scope="session")
def cluster() -> Iterator[ControlPlane]:
    """Start an etcd and a kube-apiserver with our CRDs in it."""
    with ControlPlane() as plane:
        plane.kubectl("apply", "--server-side", "-f", str(CRDS))
        plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(CRDS))
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
    """Make a namespace, and remove it with all that is in it."""
    name = f"test-{next(_numbers)}"
    cluster.workloads.make_namespace(name)
    yield name
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
