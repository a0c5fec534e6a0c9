"""A ServiceInstance in a user's chart meets no conflict with what Rollcall makes, nor does one by kubectl.

A whole operator, kube-controller-manager's garbage collector, kubectl and Helm. Two charts are installed
while Rollcall makes a ServiceInstance after a second, the others with what it waits by default. Where kubectl
must not be overtaken, Rollcall waits for longer than a busy machine takes over it.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.status.charts import Chart
from api.status.shop import SPEC, Json, Shop, resource
from controlplane import ControlPlane
from rollcall.cli.run import GENERATE_AFTER_SECONDS
from rollcall_process import Rollcall
from waiting import eventually

SERVER_SIDE = pytest.mark.parametrize("server_side", ["true", "false"], ids=["server-side", "client-side"])


@pytest.fixture
def operator(collecting: ControlPlane, tmp_path: Path) -> Iterator[Rollcall]:
    with Rollcall(collecting.kubeconfig, tmp_path, "--generate-after=1s") as running:
        running.wait_ready()
        yield running
    assert "Traceback" not in running.text


@pytest.fixture
def chart(shop: Shop, tmp_path: Path) -> Chart:
    return Chart(shop.cluster, shop.namespace, tmp_path / "shop")


def test_a_chart_begins_to_have_it(shop: Shop, operator: Rollcall, chart: Chart) -> None:
    """Helm 4, server-side: what Rollcall has made bears the marks of the Service's release."""
    chart.install("--server-side=true")
    shop.wait_generated()
    eventually(lambda: "f:labels" not in managed_by_us(shop), "the marks are in nobody's name")
    for ttl in (30, 40):
        chart.upgrade(ttl)
        assert (shop.instance() or {})["spec"]["ttlSeconds"] == ttl
        chart.rollback(1)
        shop.wait_generated()
        eventually(lambda: "f:labels" not in managed_by_us(shop))
    chart.uninstall()
    eventually(lambda: shop.instance() is None)


def test_a_chart_that_is_written_client_side_begins_to_have_it(
    shop: Shop, operator: Rollcall, chart: Chart
) -> None:
    """Helm 3, and Helm 4 so asked: it would refuse one that is there, or adopt it and not write its spec."""
    chart.install("--server-side=false")
    shop.let_tidy()  # by now one would have been made
    assert shop.instance() is None
    for ttl in (30, 40):
        chart.upgrade(ttl, "--server-side=false")
        assert (shop.instance() or {})["spec"]["ttlSeconds"] == ttl
        chart.rollback(1, "--server-side=false")
        assert shop.instance() is None
    chart.uninstall()


def test_a_server_side_upgrade_writes_what_a_client_side_one_has_passed_over(
    shop: Shop, operator: Rollcall, chart: Chart
) -> None:
    """Client-side, Helm takes what it adopts for what its manifest says, whatever there is."""
    chart.install("--server-side=true")
    shop.wait_generated()
    chart.upgrade(30, "--server-side=false")
    chart.upgrade(30, "--server-side=true")
    assert (shop.instance() or {})["spec"]["ttlSeconds"] == 30
    chart.upgrade(40, "--server-side=false")
    assert (shop.instance() or {})["spec"]["ttlSeconds"] == 40
    chart.uninstall()


def managed_by_us(shop: Shop) -> Json:
    text = shop.kubectl("get", "si", "web", "--show-managed-fields", "--output", "json")
    for each in json.loads(text)["metadata"]["managedFields"]:
        if each["manager"] == "rollcall-operator" and "subresource" not in each:
            fields: Json = each["fieldsV1"]["f:metadata"]
            return fields
    return {}


@SERVER_SIDE
def test_a_chart_with_sixty_more_objects(
    collecting: ControlPlane, shop: Shop, chart: Chart, tmp_path: Path, server_side: str
) -> None:
    """Installed, upgraded, rolled back and removed again and again, at what Rollcall waits by default."""
    flag = f"--server-side={server_side}"
    chart.add_objects(60)
    chart.set_ttl(30)
    options = f"--generate-after={GENERATE_AFTER_SECONDS:g}s"
    with Rollcall(collecting.kubeconfig, tmp_path / "state", options) as operator:
        operator.wait_ready()
        for _ in range(chart.rounds):
            chart.install(flag)
            assert (shop.instance() or {})["spec"]["ttlSeconds"] == 30
            chart.upgrade(40, flag)
            assert (shop.instance() or {})["spec"]["ttlSeconds"] == 40
            chart.rollback(1, flag)
            assert (shop.instance() or {})["spec"]["ttlSeconds"] == 30
            chart.set_ttl(30)
            chart.uninstall()


def test_kubectl_create_of_a_service_and_its_instance(
    collecting: ControlPlane, shop: Shop, tmp_path: Path
) -> None:
    """One after the other, and never `already exists`, however slowly the second comes."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "clusterIP": "None", "ports": [{"port": 80}]},
    }
    with Rollcall(collecting.kubeconfig, tmp_path / "state", "--generate-after=5m") as operator:
        operator.wait_ready()
        shop.make_pods()
        for _ in range(3):
            shop.kubectl("create", "--filename", "-", given=service)
            operator.wait_answers(shop.name, {f"10.30.0.{number}" for number in range(1, 5)})
            shop.kubectl("create", "--filename", "-", given=resource(shop, **SPEC))
            shop.kubectl("delete", "service,si", "web")


def test_one_that_is_replaced_is_not_made_in_between(
    collecting: ControlPlane, shop: Shop, tmp_path: Path
) -> None:
    """`kubectl replace --force` deletes it, waits until it is gone, and creates it."""
    with Rollcall(collecting.kubeconfig, tmp_path / "state", "--generate-after=5s") as operator:
        operator.wait_ready()
        shop.make_service()
        shop.wait_generated()  # so that its Service is there for as long by now
        shop.kubectl("apply", "--filename", "-", given=resource(shop, **SPEC))
        for ttl in (31, 32, 33):
            given = resource(shop, **SPEC | {"ttlSeconds": ttl})
            shop.kubectl("replace", "--force", "--filename", "-", given=given)
            assert (shop.instance() or {})["spec"]["ttlSeconds"] == ttl
