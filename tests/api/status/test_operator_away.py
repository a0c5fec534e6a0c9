"""What users write while no Rollcall is there is theirs all the same.

A whole operator that ends and starts again, kube-controller-manager's garbage collector, and kubectl.
"""

from pathlib import Path

from api.status.shop import SPEC, Shop
from controlplane import ControlPlane
from rollcall_process import Rollcall
from waiting import eventually


def test_a_spec_that_is_written_while_nobody_leads_outlives_its_service(
    collecting: ControlPlane, shop: Shop, tmp_path: Path
) -> None:
    shop.make_pods()
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "clusterIP": "None", "ports": [{"name": "http", "port": 80}]},
    }
    shop.kubectl("create", "--filename", "-", given=service)
    with Rollcall(collecting.kubeconfig, tmp_path, "--generate-after=1s") as operator:
        operator.wait_ready()
        made = shop.wait_generated()["metadata"]["uid"]
    shop.patch_instance({"spec": SPEC})
    shop.kubectl("replace", "--force", "--filename", "-", given=service)
    shop.let_collect()
    with Rollcall(collecting.kubeconfig, tmp_path, "--generate-after=1s") as operator:
        operator.wait_ready()
        operator.wait_answers(shop.name, {"10.30.0.1", "10.30.0.2"})  # blue
        shop.let_tidy()
    kept = shop.instance()
    assert kept is not None
    assert (kept["metadata"]["uid"], kept["spec"]) == (made, SPEC)


def test_what_nobody_has_written_goes_once_rollcall_is_there_again(
    collecting: ControlPlane, shop: Shop, tmp_path: Path
) -> None:
    with Rollcall(collecting.kubeconfig, tmp_path, "--generate-after=1s") as operator:
        operator.wait_ready()
        shop.make_service()
        shop.wait_generated()
    shop.delete_service()
    shop.let_collect()
    assert shop.instance() is not None
    with Rollcall(collecting.kubeconfig, tmp_path, "--generate-after=1s"):
        eventually(lambda: shop.instance() is None)
