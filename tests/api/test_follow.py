"""Services that follow a roll-out, on a real API server: what is answered, and what the status says."""

from collections.abc import Iterator

import pytest

from api.test_operator import apply
from api.test_operator import zone as zone_of
from api.workload_objects import FLAGGER, ROLLOUTS, ROLLOUTS_HASH, Workbench, installed, owned, pods
from controlplane import ControlPlane
from rollcall.sources.listable import CHECK_SECONDS
from rollcall_process import Rollcall
from waiting import SECONDS, eventually

WEB = {"app": "web"}


@pytest.fixture(scope="module")
def zone(cluster: ControlPlane) -> Iterator[None]:
    apply(cluster, zone_of("follow", "follow.example"))
    yield
    cluster.kubectl("delete", "dz", "follow")


@pytest.fixture(scope="module")
def rollcall(
    cluster: ControlPlane, zone: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rollcall]:
    with Rollcall(cluster.kubeconfig, tmp_path_factory.mktemp("state")) as running:
        running.wait_ready()
        yield running
    assert "Traceback" not in running.text


@pytest.fixture
def bench(cluster: ControlPlane, namespace: str, rollcall: Rollcall) -> Iterator[Workbench]:
    made = Workbench(cluster, namespace, WEB)
    yield made
    made.clear()


def test_blue_green_switches_with_the_deployment_and_stays_when_that_vanishes(bench, rollcall):
    web = bench.deployment("web", WEB, 1)
    bench.replica_set(web, "aaa", 1, 2)
    old = bench.pods("aaa", 2)
    bench.follow(follow="Deployment", blueGreen={"minReady": 2})
    bench.wait_released("Released", "aaa")
    rollcall.wait_answers(bench.name, old)
    bench.replica_set(web, "bbb", 2, 2)
    bench.revise("Deployment", "web", 2)
    new = bench.pods("bbb", 1)
    bench.wait_released("TooFewReady", "aaa")
    rollcall.wait_answers(bench.name, old)
    new = bench.pods("bbb", 1)
    rollcall.wait_answers(bench.name, new)
    bench.wait_released("Released", "bbb")
    release = bench.status()["release"]
    assert (release["active"], release["previous"]) == ("bbb", "aaa")
    assert release["versionLabel"] == "pod-template-hash"
    assert {each["version"]: each["name"] for each in release["versions"]} == {"aaa": "aaa", "bbb": "bbb"}
    rollcall.wait_answers(f"aaa.versions.{bench.name}", old)

    bench.delete("apps/v1", "Deployment", "web")
    bench.wait_released("FollowTargetNotFound", "bbb")
    assert rollcall.answers(bench.name) == new
    told = next(each for each in bench.status()["conditions"] if each["type"] == "Released")["message"]
    assert "create it, correct the selector, or remove spec.release.follow" in told
    assert "bbb goes on being answered" in told


def test_a_canary_has_its_weight_while_there_is_an_old_one(bench, rollcall):
    web = bench.deployment("web", WEB, 1)
    bench.replica_set(web, "aaa", 1, 2)
    old = bench.pods("aaa", 2)
    bench.follow(follow="Deployment", canary={"weight": 25})
    bench.wait_released("Released", "aaa")
    bench.replica_set(web, "bbb", 2, 1)
    bench.revise("Deployment", "web", 2)
    bench.wait_released("CanaryNotReady", "aaa 75%, bbb 25%")
    rollcall.wait_answers(bench.name, old)
    new = bench.pods("bbb", 1)
    rollcall.wait_answers(bench.name, old | new)
    bench.wait_released("Released", "aaa 75%, bbb 25%")
    shares = {each["version"]: each["share"] for each in bench.status()["release"]["versions"]}
    assert shares == {"aaa": "75%", "bbb": "25%"}
    bench.set_status("apps/v1", "ReplicaSet", "web-aaa", {"replicas": 0})
    bench.wait_released("Released", "bbb")
    rollcall.wait_answers(bench.name, new)


def test_several_deployments_of_one_service_are_named(bench, rollcall):
    for name in ("web", "other"):
        bench.deployment(name, WEB, 1)
    served = bench.pods("aaa", 1)
    bench.follow(follow="Deployment", blueGreen={})
    bench.wait_released("FollowAmbiguous", "")
    rollcall.wait_answers(bench.name, served)
    told = next(each for each in bench.status()["conditions"] if each["type"] == "Released")["message"]
    assert "(other, web)" in told


def test_a_restart_goes_on_from_the_status_while_the_target_is_gone(bench, rollcall, cluster, tmp_path):
    web = bench.deployment("web", WEB, 1)
    bench.replica_set(web, "aaa", 1, 1)
    active, _ = bench.pods("aaa", 1), bench.pods("bbb", 1)
    bench.follow(follow="Deployment", blueGreen={})
    bench.wait_released("Released", "aaa")
    bench.delete("apps/v1", "Deployment", "web")
    bench.wait_released("FollowTargetNotFound", "aaa")
    with Rollcall(cluster.kubeconfig, tmp_path) as another:
        another.wait_answers(bench.name, active)
        assert another.answers(bench.name) == active


def test_a_rollout_is_followed_once_argo_rollouts_is_installed(bench, rollcall, cluster):
    old = bench.pods("aaa", 4, ROLLOUTS_HASH)
    bench.follow(follow="Rollout")
    bench.wait_released("FollowTargetNotFound", "")
    rollcall.wait_answers(bench.name, old)
    with installed(cluster, ROLLOUTS, "Rollout"):
        canary = {"canary": {"steps": [{"setWeight": 20}, {"pause": {}}, {"setWeight": 50}, {"pause": {}}]}}
        status = {"stableRS": "aaa", "currentPodHash": "aaa", "currentStepIndex": 4}
        bench.create(ROLLOUTS, "Rollout", "web", {"spec": pods(WEB) | {"strategy": canary}, "status": status})
        eventually(
            lambda: bench.released() == ("Released", "aaa"), "followed", seconds=CHECK_SECONDS + SECONDS
        )
        new = bench.pods("bbb", 1, ROLLOUTS_HASH)
        bench.set_status(ROLLOUTS, "Rollout", "web", {"currentPodHash": "bbb", "currentStepIndex": 1})
        bench.wait_released("Released", "aaa 80%, bbb 20%")
        rollcall.wait_answers(bench.name, old | new)
        bench.set_status(ROLLOUTS, "Rollout", "web", {"currentStepIndex": 3})
        bench.wait_released("Released", "aaa 50%, bbb 50%")
        bench.set_status(ROLLOUTS, "Rollout", "web", {"abort": True, "currentStepIndex": 0})
        bench.wait_released("Released", "aaa 100%, bbb 0%")
        rollcall.wait_answers(bench.name, old)
        bench.set_status(
            ROLLOUTS, "Rollout", "web", {"abort": None, "stableRS": "bbb", "currentStepIndex": 4}
        )
        bench.wait_released("Released", "bbb")
        rollcall.wait_answers(bench.name, new)
        bench.delete(ROLLOUTS, "Rollout", "web")
        bench.wait_released("FollowTargetNotFound", "bbb")
        assert rollcall.answers(bench.name) == new
    # Just after its CRD is there, a kind may be refused with 429 once, which is another thing to be said.
    said = "rollouts: looking for them again from time to time: they are not installed"
    assert sum(said in line for line in rollcall.log) == 1


def test_flagger_says_the_weight_of_the_deployment_that_it_steers(cluster, namespace, rollcall):
    with installed(cluster, FLAGGER, "Canary"):
        bench = Workbench(cluster, namespace, {"team": "shop"})
        bench.deployment("web", {"app": "web", "team": "shop"}, 1)
        spec = {"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}
        canary = bench.create(FLAGGER, "Canary", "web", {"spec": spec, "status": {"canaryWeight": 0}})
        primary = {"app": "web-primary", "team": "shop"}
        bench.create(
            "apps/v1",
            "Deployment",
            "web-primary",
            {"spec": pods(primary) | {"selector": {"matchLabels": {"app": "web-primary"}}}},
            ownerReferences=[owned(FLAGGER, "Canary", canary["metadata"])],
        )
        stable = bench.pods("web-primary", 2, "app", team="shop")
        tried = bench.pods("web", 1, "app", team="shop")
        bench.follow(follow="Deployment")
        eventually(
            lambda: bench.released() == ("Released", "web-primary 100%, web 0%"),
            f"followed, is {bench.released()}",
            seconds=CHECK_SECONDS + SECONDS,
        )
        rollcall.wait_answers(bench.name, stable)
        bench.set_status(FLAGGER, "Canary", "web", {"phase": "Progressing", "canaryWeight": 40})
        bench.wait_released("Released", "web-primary 60%, web 40%")
        rollcall.wait_answers(bench.name, stable | tried)
        bench.set_status(FLAGGER, "Canary", "web", {"phase": "Failed", "canaryWeight": 0})
        rollcall.wait_answers(bench.name, stable)
        bench.follow(follow="Deployment", canary={"weight": 10})
        bench.wait_released("FollowConflict", "web-primary 100%, web 0%")
        bench.clear()
