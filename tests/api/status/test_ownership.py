"""What users write is theirs: it stays when a Service goes, and no way of applying it meets a conflict.

A whole operator, kube-controller-manager's garbage collector, kubectl and Helm. Here Rollcall makes a
ServiceInstance after a second; the charts are installed with what it waits by default.
"""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.status.charts import Chart
from controlplane import ApiError, ControlPlane, FetchFailed, ProgramMissing, path
from rollcall.cli.run import GENERATE_AFTER_SECONDS
from rollcall_process import PROGRAM, Rollcall
from waiting import eventually

Json = dict[str, Any]

DOMAIN = "owned.example"
SERVER_SIDE = pytest.mark.parametrize("server_side", ["true", "false"], ids=["server-side", "client-side"])


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
def operator(collecting: ControlPlane, tmp_path: Path) -> Iterator[Rollcall]:
    with Rollcall(collecting.kubeconfig, tmp_path, "--generate-after=1s") as running:
        running.wait_ready()
        yield running
    assert "Traceback" not in running.text


class Shop:
    """A Service `web` in a namespace, with pods of two versions, and its ServiceInstance."""

    def __init__(self, cluster: ControlPlane, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.name = f"web.{namespace}.{DOMAIN}"
        self._services = path("v1", "services", namespace)
        self._instances = path("rollcall.dev/v1alpha1", "serviceinstances", namespace)

    def kubectl(self, *arguments: str, given: object = None) -> str:
        text = None if given is None else yaml.safe_dump(given)
        return self.cluster.kubectl("--namespace", self.namespace, *arguments, input=text)

    def make_service(self, name: str = "web") -> Json:
        return self.cluster.workloads.make_service(self.namespace, name, selector={"app": "web"})

    def make_pods(self) -> None:
        for number, version in enumerate(("blue", "blue", "green", "green"), 1):
            self.cluster.workloads.make_pod(
                self.namespace,
                f"{version}-{number}",
                ip=f"10.30.0.{number}",
                labels={"app": "web", "version": version},
            )

    def service(self, name: str = "web") -> Json:
        return self.cluster.client.get(f"{self._services}/{name}")

    def delete_service(self, name: str = "web") -> None:
        self.cluster.client.delete(f"{self._services}/{name}")

    def instance(self, name: str = "web") -> Json | None:
        try:
            return self.cluster.client.get(f"{self._instances}/{name}")
        except ApiError as error:
            if error.status != 404:
                raise
            return None

    def wait_generated(self, name: str = "web") -> Json:
        eventually(lambda: self.instance(name) is not None, f"the ServiceInstance {name}")
        found = self.instance(name)
        assert found is not None
        return found

    def owners(self) -> list[Json]:
        found = self.instance()
        return list(found["metadata"].get("ownerReferences", ())) if found else []

    def let_collect(self) -> None:
        """Wait until the garbage collector has taken along what belongs to a Service that goes now."""
        self.make_service("witness")
        self.wait_generated("witness")
        self.delete_service("witness")
        eventually(lambda: self.instance("witness") is None, "the garbage collector")


@pytest.fixture
def shop(collecting: ControlPlane, namespace: str) -> Shop:
    return Shop(collecting, namespace)


def resource(shop: Shop, **spec: Any) -> Json:
    kind = {"apiVersion": "rollcall.dev/v1alpha1", "kind": "ServiceInstance"}
    return {**kind, "metadata": {"name": "web", "labels": {"team": "shop"}}, "spec": spec}


SPEC: Json = {"ttlSeconds": 30, "release": {"blueGreen": {"active": "blue", "minReady": 1}}}


def _edit(shop: Shop) -> None:
    found = shop.instance()
    assert found is not None
    del found["metadata"]["resourceVersion"]  # our status may be written meanwhile
    shop.kubectl("replace", "--filename", "-", given=found | {"spec": SPEC})


def _switch(shop: Shop) -> None:
    shop.kubectl(
        "patch",
        "si",
        "web",
        "--type=merge",
        "--patch",
        json.dumps({"spec": {"release": {"blueGreen": {"active": "green"}}}}),
    )
    eventually(lambda: (shop.instance() or {}).get("status", {}).get("observedGeneration") == 2)
    command = [str(PROGRAM), "release", "switch", "web", "blue", "--namespace", shop.namespace]
    subprocess.run(
        [*command, f"--kubeconfig={shop.cluster.kubeconfig}"],
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=60,
    )


WAYS: dict[str, Callable[[Shop], object]] = {
    "patch": lambda shop: shop.kubectl(
        "patch", "si", "web", "--type=merge", "--patch", json.dumps({"spec": SPEC})
    ),
    "apply": lambda shop: shop.kubectl("apply", "--filename", "-", given=resource(shop, **SPEC)),
    "server-side apply": lambda shop: shop.kubectl(
        "apply", "--server-side", "--filename", "-", given=resource(shop, **SPEC)
    ),
    "edit": _edit,
    "rollcall release": _switch,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_spec_outlives_its_service(shop: Shop, operator: Rollcall, way: str) -> None:
    service = shop.make_service()
    shop.make_pods()
    generated = shop.wait_generated()
    assert [owner["uid"] for owner in shop.owners()] == [service["metadata"]["uid"]]
    assert "labels" not in generated["metadata"]
    operator.wait_answers(shop.name, {f"10.30.0.{number}" for number in range(1, 5)})

    WAYS[way](shop)
    eventually(lambda: shop.owners() == [], "its owner is taken off", 2)
    blue = {"10.30.0.1", "10.30.0.2"}
    operator.wait_answers(shop.name, blue)
    spec = (shop.instance() or {})["spec"]

    manifest = {key: service[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": {"name": "web"}}
    manifest["spec"] = {
        "selector": {"app": "web"},
        "ports": [{"name": "http", "port": 80}],
        "clusterIP": "None",
    }
    shop.kubectl("replace", "--force", "--filename", "-", given=manifest)
    answered: set[str] = set()
    seen = []

    def is_back() -> bool:
        nonlocal answered
        answered = operator.answers(shop.name)
        seen.append(answered)
        return answered == blue

    eventually(is_back)
    shop.let_collect()
    assert is_back()
    assert all(answers <= blue for answers in seen), "green gets traffic"
    kept = shop.instance()
    assert kept is not None
    assert (kept["metadata"]["uid"], kept["spec"]) == (generated["metadata"]["uid"], spec)
    assert shop.owners() == []


def test_a_spec_without_its_service_says_so(shop: Shop, operator: Rollcall) -> None:
    shop.make_service()
    shop.wait_generated()
    WAYS["patch"](shop)
    eventually(lambda: shop.owners() == [], seconds=2)
    shop.delete_service()
    shop.let_collect()

    def stalled() -> list[Json]:
        conditions = (shop.instance() or {}).get("status", {}).get("conditions", ())
        return [each for each in conditions if each["type"] == "Stalled"]

    (told,) = eventually(stalled)
    assert told["reason"] == "ServiceNotFound"
    assert "This spec stays as it is" in told["message"]
    assert (shop.instance() or {})["spec"] == SPEC


@pytest.mark.parametrize("field", ["labels", "annotations"])
def test_a_mark_of_a_user_makes_it_theirs(shop: Shop, operator: Rollcall, field: str) -> None:
    shop.make_service()
    shop.wait_generated()
    shop.kubectl(field.removesuffix("s").replace("annotation", "annotate"), "si", "web", "team=shop")
    eventually(lambda: shop.owners() == [], seconds=2)
    shop.delete_service()
    shop.let_collect()
    assert (shop.instance() or {})["metadata"][field]["team"] == "shop"


def test_an_owner_that_a_user_has_set_stays(shop: Shop, operator: Rollcall) -> None:
    uid = shop.make_service()["metadata"]["uid"]
    shop.wait_generated()
    owner = {"apiVersion": "v1", "kind": "Service", "name": "web", "uid": uid}
    theirs = resource(shop, **SPEC)
    theirs["metadata"]["ownerReferences"] = [owner]
    shop.kubectl("apply", "--server-side", "--filename", "-", given=theirs)
    eventually(lambda: (shop.instance() or {}).get("status", {}).get("observedGeneration") == 2)
    assert shop.owners() == [owner]


def test_what_nobody_has_written_goes_with_its_service_and_follows_the_next(
    shop: Shop, operator: Rollcall
) -> None:
    shop.make_service()
    shop.wait_generated()
    shop.delete_service()
    eventually(lambda: shop.instance() is None)
    again = shop.make_service()
    shop.wait_generated()
    assert [owner["uid"] for owner in shop.owners()] == [again["metadata"]["uid"]]
    shop.let_collect()
    assert shop.instance() is not None


def test_one_that_is_replaced_is_not_made_in_between(shop: Shop, operator: Rollcall) -> None:
    """`kubectl replace --force` deletes it, waits until it is gone, and creates it."""
    shop.make_service()
    shop.wait_generated()
    WAYS["apply"](shop)
    for ttl in (31, 32, 33):
        shop.kubectl(
            "replace", "--force", "--filename", "-", given=resource(shop, **SPEC | {"ttlSeconds": ttl})
        )
        assert (shop.instance() or {})["spec"]["ttlSeconds"] == ttl


def test_another_managed_by_meets_no_conflict(shop: Shop, operator: Rollcall) -> None:
    shop.make_service()
    shop.wait_generated()
    theirs = resource(shop, answer={"policy": "All"}, ttlSeconds=9)
    theirs["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "kustomize"}
    shop.kubectl("apply", "--server-side", "--field-manager=flux", "--filename", "-", given=theirs)
    found = shop.instance()
    assert found is not None
    assert found["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "kustomize"}
    assert found["spec"] == {"answer": {"policy": "All"}, "ttlSeconds": 9}


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
        eventually(lambda: shop.owners() == [], seconds=2)
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
    shop.let_collect()  # by now one would have been made
    assert shop.instance() is None
    for ttl in (30, 40):
        chart.upgrade(ttl, "--server-side=false")
        assert (shop.instance() or {})["spec"]["ttlSeconds"] == ttl
        chart.rollback(1, "--server-side=false")
        assert shop.instance() is None
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
            assert shop.owners() == []
            chart.set_ttl(30)
            chart.uninstall()


def test_kubectl_create_of_a_service_and_its_instance(
    collecting: ControlPlane, shop: Shop, tmp_path: Path
) -> None:
    """One after the other, and never `already exists`."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "clusterIP": "None", "ports": [{"port": 80}]},
    }
    with Rollcall(
        collecting.kubeconfig, tmp_path / "state", f"--generate-after={GENERATE_AFTER_SECONDS:g}s"
    ) as operator:
        operator.wait_ready()
        shop.make_pods()
        for _ in range(3):
            shop.kubectl("create", "--filename", "-", given=service)
            operator.wait_answers(shop.name, {f"10.30.0.{number}" for number in range(1, 5)})
            shop.kubectl("create", "--filename", "-", given=resource(shop, **SPEC))
            shop.kubectl("delete", "service,si", "web")
