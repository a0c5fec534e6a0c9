"""The table of docs/how-to/canary.md: what a weight is in each format of a file, from pods to the file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.targets.stage import Stage, staged
from api.test_operator import apply, file, wait_instance
from controlplane import ControlPlane
from nameservers import DOMAIN
from rollcall_process import Rollcall
from waiting import eventually

STABLE = {"pod": "web-0", "address": "10.0.7.1", "label": "10-0-7-1", "version": "v1.4.2"}
CANARY = {"pod": "web-1", "address": "10.0.7.2", "label": "10-0-7-2", "version": "v1.5.0"}
WEIGHTS = {
    "envoy-eds": '{address}","port_value":80}}}}}},'
    '"health_status":"HEALTHY","load_balancing_weight":{weight}}}',
    "haproxy": "server {pod} {address}:80 weight {of_256}\n",
    "nginx": "server {address}:80 weight={weight};",
    "prometheus": '"__meta_rollcall_version":"{version}","__meta_rollcall_weight":"{weight}"',
}
"""How a file says the weight of an instance."""

SETS = {
    "dnsmasq": "host-record={name},{address},",
    "env": "={address}\n",
    "hosts": "{address}\t{label}.{name} {name}\n",
    "zonefile": "\nweb.{namespace} IN A {address}\n",
}
"""How a file says that the set of the service has an address."""


@pytest.fixture
def stage(cluster: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Stage]:
    with staged(cluster, namespace, tmp_path, ["v1.4.2", "v1.5.0"]) as made:
        yield made


@pytest.fixture
def rollcall(stage: Stage) -> Iterator[Rollcall]:
    stage.zone()
    with stage.rollcall() as running:
        wait_instance(stage.plane, stage.namespace)
        yield running


def make_file(stage: Stage, made: str) -> None:
    spec: dict[str, object] = {"format": made, "configMap": {"name": made, "key": "file.json"}}
    if made in ("dnsmasq", "hosts", "zonefile"):
        spec["domain"] = DOMAIN
    apply(stage.plane, file(stage.namespace, made, **spec))


def release(stage: Stage, unweighted_targets: str) -> None:
    canary = {"stable": "v1.4.2", "canary": "v1.5.0", "weight": 25, "unweightedTargets": unweighted_targets}
    service = {
        "apiVersion": "rollcall.dev/v1alpha1",
        "kind": "ServiceInstance",
        "metadata": {"name": "web", "namespace": stage.namespace},
        "spec": {"release": {"canary": canary}},
    }
    apply(stage.plane, service)


def test_weights(stage: Stage, rollcall: Rollcall) -> None:
    release(stage, "stable-only")  # which is nothing to these formats
    for made, text in WEIGHTS.items():
        make_file(stage, made)
        expected = [
            text.format(weight=51200, of_256=255, **STABLE),
            text.format(weight=17067, of_256=85, **CANARY),
        ]
        wait_file(stage, rollcall, made, expected, [True, True])


def test_sets_of_addresses(stage: Stage, rollcall: Rollcall) -> None:
    for made in SETS:
        make_file(stage, made)
    for unweighted_targets, has_canary in (("stable-only", False), ("all", True)):
        release(stage, unweighted_targets)
        for made, text in SETS.items():
            found = [
                text.format(name=stage.name, namespace=stage.namespace, **each) for each in (STABLE, CANARY)
            ]
            wait_file(stage, rollcall, made, found, [True, has_canary])


def wait_file(stage: Stage, rollcall: Rollcall, made: str, texts: list[str], wanted: list[bool]) -> None:
    """Wait until a file has these texts in it, or hasn't."""

    def held() -> list[bool]:
        content = rollcall.get(f"/v1/files/{stage.namespace}/{made}")[1]
        return [text in content for text in texts]

    eventually(lambda: held() == wanted, f"of the format {made}, {texts} are in the file: {wanted}")
