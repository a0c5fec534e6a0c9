"""docs/how-to/draining.md, done as it says: by the annotation, by weight, and from a preStop hook.

Replaced: the namespace shop. No kubelet runs the containers of the Deployment on the page: its preStop hook
is run here as the API server has it, with the variables that the Deployment asks for.
"""

import json
import shlex
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from api.docs.reader import Reader
from api.targets.stage import Json, Stage, staged
from api.test_operator import apply, condition, file, get, status
from controlplane import ControlPlane
from rollcall_process import Rollcall
from waiting import eventually

TTL = 2
OTHER = "10.0.7.1"
POD, ADDRESS = "web-6d4b75cb6d-x7k2p", "10.0.7.9"


@pytest.fixture
def stage(cluster: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Stage]:
    """Make a service of two pods, one of which has the name that the page speaks of."""
    with staged(cluster, namespace, tmp_path, ["v1"]) as made:
        cluster.workloads.make_pod(
            namespace, POD, ip=ADDRESS, labels={"app": "web", "version": "v1"}, ports=[("http", 8080)]
        )
        yield made


@pytest.fixture
def rollcall(stage: Stage) -> Iterator[Rollcall]:
    stage.zone(ttlSeconds=TTL)
    apply(stage.plane, file(stage.namespace, "mine"))
    with stage.rollcall() as running:
        running.wait_answers(stage.name, {OTHER, ADDRESS})
        yield running


def instance(stage: Stage) -> Json:
    """Return what the service's status says of the pod."""
    found = status(stage.plane, "si", "web", stage.namespace).get("instances") or ()
    return next((each for each in found if each["pod"] == POD), {})


def service_of(rollcall: Rollcall, stage: Stage) -> Json:
    """Return the service as a file of the format json has it."""
    (service,) = json.loads(rollcall.get(f"/v1/files/{stage.namespace}/mine")[1])["services"]
    return dict(service)


def _period(found: Json) -> timedelta | None:
    if "drainingUntil" not in found:
        return None
    return datetime.fromisoformat(found["drainingUntil"]) - datetime.fromisoformat(found["drainingSince"])


def test_the_page(stage: Stage, rollcall: Rollcall, tmp_path: Path) -> None:
    plane, namespace, name = stage.plane, stage.namespace, stage.name
    with Reader(plane, "draining.md", tmp_path, {"shop": namespace}) as reader:
        reader.reaches(rollcall)
        reader.run("rollcall.dev/drain=true")
        rollcall.wait_answers(name, {OTHER})
        rollcall.wait_answers(f"v1.versions.{name}", {OTHER})
        rollcall.wait_answers(f"_http._tcp.{name}", {f"0 100 80 10-0-7-1.{name}."}, "SRV")
        eventually(lambda: instance(stage).get("reason") == "Draining", "the reason Draining")
        eventually(
            lambda: [each["pod"] for each in service_of(rollcall, stage)["instances"]] == ["web-0"],
            "the file",
        )
        assert _period(instance(stage)) == timedelta(0), "nobody has said how long"

        reader.run("rollcall.dev/drain-")
        rollcall.wait_answers(name, {OTHER, ADDRESS})
        plane.kubectl("annotate", "pod", POD, "-n", namespace, "rollcall.dev/drain=maybe")
        eventually(lambda: condition(plane, "si", "web", namespace) == "InvalidAnnotation", "a condition")
        told = next(
            each["message"]
            for each in status(plane, "si", "web", namespace)["conditions"]
            if each["type"] == "Ready"
        )
        assert POD in told
        assert rollcall.answers(name) == {OTHER, ADDRESS}
        plane.kubectl("annotate", "pod", POD, "-n", namespace, "rollcall.dev/drain-")

        reader.apply("seconds: 60")
        reader.run_again("rollcall.dev/drain=true")
        eventually(lambda: _period(instance(stage)) == timedelta(seconds=60), "until when it serves")
        eventually(lambda: "draining" in service_of(rollcall, stage), "draining in the file")
        service = service_of(rollcall, stage)
        assert ([each["pod"] for each in service["draining"]], service["drainSeconds"]) == ([POD], 60)
        reader.run_again("rollcall.dev/drain-")

        reader.run("rollcall.dev/weight=20")
        rollcall.wait_answers(
            f"_http._tcp.{name}", {f"0 100 80 10-0-7-1.{name}.", f"0 20 80 10-0-7-9.{name}."}, "SRV"
        )

        reader.apply("preStop:")
        _stop(stage, rollcall, reader)


def _stop(stage: Stage, rollcall: Rollcall, reader: Reader) -> None:
    """End the pod as its kubelet would: the preStop hook first."""
    (container,) = get(stage.plane, "deployment", "web", stage.namespace)["spec"]["template"]["spec"][
        "containers"
    ]
    variables = {each["name"]: each["valueFrom"]["fieldRef"]["fieldPath"] for each in container["env"]}
    assert variables == {"POD": "metadata.name", "NAMESPACE": "metadata.namespace"}
    hook = shlex.join(container["lifecycle"]["preStop"]["exec"]["command"])
    page = f"/v1/drained?pod={stage.namespace}/{POD}"
    code, told, _ = rollcall.get(f"{page}&timeout=0")
    assert (code, "it is in the answers" in told) == (504, True)

    began = time.monotonic()
    stage.plane.workloads.terminate(stage.namespace, POD)
    ended = reader.script(hook, POD=POD, NAMESPACE=stage.namespace)
    assert json.loads(ended) == {"pod": f"{stage.namespace}/{POD}", "drained": True}
    assert rollcall.answers(stage.name) == {OTHER}
    assert time.monotonic() - began > TTL, "caches have forgotten it"

    stage.plane.workloads.delete_pod(stage.namespace, POD)
    eventually(lambda: instance(stage) == {}, "it is gone")
    assert rollcall.get(page)[0] == 200
    assert rollcall.get(f"/v1/drained?pod={stage.namespace}/nobody")[0] == 404
