"""Fixtures: the CRDs in a cluster, and a cluster that has nothing in it yet."""

from collections.abc import Iterator

import pytest

from api.manifests.resources import PLURALS, Resources, apply_crds
from controlplane import ControlPlane


@pytest.fixture(scope="session")
def crds(cluster: ControlPlane) -> ControlPlane:
    apply_crds(cluster)
    return cluster


@pytest.fixture
def resources(crds: ControlPlane, namespace: str) -> Iterator[Resources]:
    made = Resources(crds, namespace)
    yield made
    for kind in PLURALS:
        crds.client.delete(made.path(kind))


@pytest.fixture(scope="module")
def empty_cluster() -> Iterator[ControlPlane]:
    """Start a cluster of our own that never had our CRDs: what a first install meets."""
    with ControlPlane() as plane:
        if not plane.ours:
            pytest.skip(
                "the chart's first install needs a control plane of our own: unset KUBECONFIG_FOR_TESTS"
            )
        yield plane
