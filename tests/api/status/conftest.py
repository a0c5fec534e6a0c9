"""A cluster with a garbage collector, and a shop in it."""

from collections.abc import Iterator

import pytest

from api.status.shop import DOMAIN, Shop
from controlplane import ControlPlane, FetchFailed, ProgramMissing, path


@pytest.fixture(scope="module")
def collecting(cluster: ControlPlane) -> Iterator[ControlPlane]:
    """Run the garbage collector."""
    if not cluster.ours:
        pytest.skip("this cluster has controllers of its own")
    try:
        manager = cluster.start_controllers(["garbage-collector-controller"])
    except (FetchFailed, ProgramMissing) as error:
        pytest.skip(str(error))
    zone = {"apiVersion": "rollcall.dev/v1alpha1", "kind": "DiscoveryZone", "metadata": {"name": "owned"}}
    zones = path("rollcall.dev/v1alpha1", "discoveryzones")
    cluster.client.create(zones, {**zone, "spec": {"domain": DOMAIN}})
    yield cluster
    cluster.client.delete(f"{zones}/owned")
    manager.stop()


@pytest.fixture
def shop(collecting: ControlPlane, namespace: str) -> Shop:
    return Shop(collecting, namespace)
