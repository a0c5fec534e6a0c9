"""A canary that goes on by itself, on a real API server: what is written, and what is answered meanwhile."""

import json
import threading
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import pytest

from api.test_operator import event_reasons, wait_instance
from controlplane import ControlPlane, path
from controlplane.client import MERGE
from rollcall_process import ELECTION, Rollcall
from waiting import eventually

VERSION = "rollcall.dev/v1alpha1"
DOMAIN = "steps.example"
STABLE, CANARY = {"10.33.1.1", "10.33.1.2", "10.33.1.3"}, {"10.33.2.1", "10.33.2.2"}
WEIGHTS = (5, 25, 60, 100)
FINAL = ("Completed", "RolledBack")


class Web:
    """A service of a stable version and a canary, and a record of all that its status ever said of steps."""

    def __init__(self, cluster: ControlPlane, namespace: str) -> None:
        self.cluster, self.namespace = cluster, namespace
        self.path = path(VERSION, "serviceinstances", namespace, "web")
        self.name = f"web.{namespace}.{DOMAIN}"
        self.told: list[dict[str, Any]] = []
        self._recorder = threading.Thread(target=self._record)

    def __enter__(self) -> Self:
        self.cluster.workloads.make_service(
            self.namespace, "web", selector={"app": "web"}, ports=[("http", 80)]
        )
        for ip in sorted(STABLE | CANARY):
            self.cluster.workloads.make_pod(
                self.namespace,
                self.pod(ip),
                ip=ip,
                ready=True,
                labels={"app": "web", "version": "v1" if ip in STABLE else "v2"},
                ports=[("http", 8080)],
                status={"containerStatuses": [self.container(0)]},
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._recorder.ident is not None:
            self.cluster.client.delete(self.path)  # ends the record, where nothing final has
            self._recorder.join()

    @staticmethod
    def pod(ip: str) -> str:
        return f"web-{ip.replace('.', '-')}"

    @staticmethod
    def container(restarts: int) -> dict[str, Any]:
        return {"name": "main", "image": "web", "imageID": "", "ready": True, "restartCount": restarts}

    def ask(self, **canary: Any) -> None:
        """Write the release, and begin the record."""
        wait_instance(self.cluster, self.namespace)
        found = self.cluster.client.get(self.path)
        self._since = found["metadata"]["resourceVersion"]
        self._recorder.start()
        spec = {"release": {"canary": {"stable": "v1", "canary": "v2", **canary}}}
        self.cluster.client.patch(self.path, {"spec": spec}, MERGE)

    def _record(self) -> None:
        collection = path(VERSION, "serviceinstances", self.namespace)
        for event in self.cluster.client.watch(collection, 120, resourceVersion=self._since):
            if event["type"] == "DELETED":
                return
            steps = event["object"].get("status", {}).get("release", {}).get("steps")
            if steps is not None and (not self.told or steps != self.told[-1]):
                self.told.append(steps)
                if steps["state"] in FINAL:
                    return

    def wait_state(self, *states: str) -> None:
        eventually(lambda: self.told and self.told[-1]["state"] in states, f"one of {states}", 90)

    def taken(self) -> list[int]:
        """Return the steps in the order in which they were written."""
        numbers = [each["step"] for each in self.told]
        return [number for at, number in enumerate(numbers) if not at or numbers[at - 1] != number]

    def released(self) -> dict[str, Any]:
        """Return the condition Released."""
        conditions = self.cluster.client.get(self.path)["status"].get("conditions", [])
        return next((each for each in conditions if each["type"] == "Released"), {})

    def share(self, rollcall: Rollcall) -> int:
        """Return the canary's part of the weights that a server answers, in percent."""
        weights = {True: 0, False: 0}
        for record in rollcall.answers(f"_http._tcp.{self.name}", "SRV"):
            _, weight, _, target = record.split()
            weights[target.startswith("10-33-2-")] += int(weight)
        return round(100 * weights[True] / max(1, sum(weights.values())))


@pytest.fixture
def web(cluster: ControlPlane, namespace: str) -> Iterator[Web]:
    zone = {
        "apiVersion": VERSION,
        "kind": "DiscoveryZone",
        "metadata": {"name": "steps"},
        "spec": {"domain": DOMAIN, "namespaces": [namespace]},
    }
    cluster.kubectl("apply", "-f", "-", input=json.dumps(zone))
    with Web(cluster, namespace) as made:
        yield made
    cluster.kubectl("delete", "dz", "steps")


def _has_written_share(web: Web, rollcall: Rollcall) -> bool:
    return web.share(rollcall) == WEIGHTS[web.told[-1]["step"] - 1]


def since(steps: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(steps["since"])


def test_a_crash_and_another_leader_neither_repeat_a_step_nor_leave_one_out(
    cluster: ControlPlane, web: Web, namespace: str, tmp_path: Path
) -> None:
    """Both answer the same share throughout: the one that is written."""
    options = (*ELECTION, f"--operator-namespace={namespace}")
    *before, last = WEIGHTS
    steps = [*({"weight": weight, "pause": "3s"} for weight in before), {"weight": last}]
    with (
        Rollcall(cluster.kubeconfig, tmp_path / "b", *options) as second,
        Rollcall(cluster.kubeconfig, tmp_path / "a", *options) as first,
    ):
        for each in (first, second):
            each.wait_ready()
            each.wait_answers(web.name, STABLE | CANARY)
        eventually(
            lambda: first.metric("rollcall_leader") + second.metric("rollcall_leader") == 1, "a leader"
        )
        leader, other = sorted((first, second), key=lambda each: -each.metric("rollcall_leader"))
        web.ask(steps=steps)
        eventually(lambda: web.told and web.told[-1]["step"] >= 2, "the second step")
        for each in (leader, other):
            eventually(partial(_has_written_share, web, each), "the share that is written, at both")
        leader.crash()
        assert other.answers(web.name) in (STABLE | CANARY, CANARY), "whichever step it is at by now"
        web.wait_state("Completed")
        assert web.taken() == [1, 2, 3, 4]
        starts = [next(each for each in web.told if each["step"] == n) for n in (1, 2, 3, 4)]
        pauses = [(since(b) - since(a)).total_seconds() for a, b in pairwise(starts)]
        assert all(pause >= 3 for pause in pauses), pauses
        other.wait_answers(web.name, CANARY)
        eventually(lambda: web.released().get("reason") == "StepsCompleted", "it is told")
        assert "rollcall release promote" in web.released()["message"]


def test_a_canary_whose_pods_are_not_ready_is_held_and_then_taken_out(
    cluster: ControlPlane, web: Web, namespace: str, tmp_path: Path
) -> None:
    with Rollcall(cluster.kubeconfig, tmp_path / "a") as rollcall:
        rollcall.wait_ready()
        rollcall.wait_answers(web.name, STABLE | CANARY)
        web.ask(steps=[{"weight": 20, "pause": "1h"}, {"weight": 100}], rollbackAfter="2s")
        web.wait_state("Progressing")
        eventually(lambda: web.released().get("reason") == "Progressing", "it is told")
        cluster.workloads.set_ready(namespace, web.pod("10.33.2.1"), False)
        web.wait_state("Holding", "RolledBack")
        web.wait_state("RolledBack")
        assert "Holding" in [each["state"] for each in web.told]
        rollcall.wait_answers(web.name, STABLE)
        cluster.workloads.set_ready(namespace, web.pod("10.33.2.1"), True)
        rollcall.wait_answers(f"v2.versions.{web.name}", CANARY)
        assert rollcall.answers(web.name) == STABLE, "it stays out"
        eventually(lambda: web.released().get("reason") == "CanaryRolledBack", "it is told")
        assert "1 of 2 instances of v2 are ready, fewer than 75%" in web.released()["message"]

        def told() -> set[str]:
            return event_reasons(cluster, namespace, "ServiceInstance", "web")

        eventually(lambda: "CanaryRolledBack" in told(), lambda: f"an Event, among {told()}")


def test_a_canary_that_restarts_is_held_and_one_that_goes_on_is_taken_out(
    cluster: ControlPlane, web: Web, namespace: str, tmp_path: Path
) -> None:
    with Rollcall(cluster.kubeconfig, tmp_path / "a") as rollcall:
        rollcall.wait_ready()
        web.ask(steps=[{"weight": 20, "pause": "1h"}, {"weight": 100}], rollbackAfter="5s")
        web.wait_state("Progressing")
        for restarts in range(1, 60):
            container = Web.container(restarts)
            cluster.workloads.set_status(namespace, web.pod("10.33.2.1"), {"containerStatuses": [container]})
            seen = restarts

            def is_seen(seen: int = seen) -> bool:
                last = web.told[-1]
                return last["state"] in FINAL or last.get("restarts", 0) >= seen

            eventually(is_seen, f"restart {seen}")
            if web.told[-1]["state"] in FINAL:
                break
        assert web.told[-1]["state"] == "RolledBack"
        assert "pods of v2 have been restarting since" in web.told[-1]["message"]
        assert "Holding" in [each["state"] for each in web.told]
        rollcall.wait_answers(web.name, STABLE)
