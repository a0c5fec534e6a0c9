"""What users write is theirs: it stays when a Service goes, and no way of applying it meets a conflict.

A whole operator, kube-controller-manager's garbage collector, and kubectl. Here Rollcall makes a
ServiceInstance after a second.
"""

import json
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from api.status.shop import SPEC, Json, Shop, resource
from controlplane import ControlPlane
from rollcall_process import PROGRAM, Rollcall
from waiting import eventually


@pytest.fixture(scope="module")
def operator(collecting: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rollcall]:
    with Rollcall(collecting.kubeconfig, tmp_path_factory.mktemp("state"), "--generate-after=1s") as running:
        running.wait_ready()
        yield running
    assert "Traceback" not in running.text


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
    assert shop.owners() == []
    assert "labels" not in generated["metadata"]
    operator.wait_answers(shop.name, {f"10.30.0.{number}" for number in range(1, 5)})

    WAYS[way](shop)
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
    shop.let_tidy()
    eventually(is_back)
    assert all(answers <= blue for answers in seen), "green gets traffic"
    kept = shop.instance()
    assert kept is not None
    assert (kept["metadata"]["uid"], kept["spec"]) == (generated["metadata"]["uid"], spec)


def test_a_spec_without_its_service_says_so(shop: Shop, operator: Rollcall) -> None:
    shop.make_service()
    shop.wait_generated()
    WAYS["patch"](shop)
    shop.delete_service()
    shop.let_collect()
    shop.let_tidy()

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
    shop.delete_service()
    shop.let_collect()
    shop.let_tidy()
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


def test_what_nobody_has_written_goes_with_its_service_and_comes_with_the_next(
    shop: Shop, operator: Rollcall
) -> None:
    shop.make_service()
    shop.wait_generated()
    shop.delete_service()
    eventually(lambda: shop.instance() is None)
    shop.make_service()
    shop.wait_generated()


def test_an_owner_of_earlier_versions_is_taken_off(shop: Shop, operator: Rollcall) -> None:
    uid = shop.make_service()["metadata"]["uid"]
    made = shop.wait_generated()["metadata"]["uid"]
    owner = {"apiVersion": "v1", "kind": "Service", "name": "web", "uid": uid}
    shop.patch_instance({"metadata": {"ownerReferences": [owner]}}, fieldManager="rollcall-operator")
    eventually(lambda: shop.owners() == [])
    assert (shop.instance() or {})["metadata"]["uid"] == made


def test_no_spec_is_lost_whose_service_goes_at_once(shop: Shop, operator: Rollcall) -> None:
    """Many clients, each of which writes a spec and then deletes the Service in the same breath."""
    names = [f"web-{number}" for number in range(40)]
    for name in names:
        shop.make_service(name)
    for name in names:
        shop.wait_generated(name)

    def leave(name: str) -> None:
        shop.patch_instance({"spec": SPEC}, name)
        shop.delete_service(name)

    with ThreadPoolExecutor(8) as clients:
        list(clients.map(leave, names))
    shop.let_collect()
    shop.let_tidy()
    assert [name for name in names if (shop.instance(name) or {}).get("spec") != SPEC] == []


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
