"""The commands on statuses that are written by hand, as Rollcall would: no operator runs."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import IO

import pytest

from api.cli.conftest import COMMAND, SECONDS, Run, environment
from api.cli.terminal import on_terminal
from controlplane import ControlPlane, path
from controlplane.client import MERGE
from controlplane.programs import find
from unit.cli.shop import API, INTERNAL, PLURALS, WEB, Json

VERSION = "rollcall.dev/v1alpha1"


def write(plane: ControlPlane, obj: Json, namespace: str | None) -> None:
    """Make an object with its status."""
    made = deepcopy(obj)
    status = made.pop("status")
    if namespace:
        made["metadata"]["namespace"] = namespace
    plane.client.create(path(VERSION, PLURALS[made["kind"]], namespace), made)
    update(plane, obj, namespace, status)


def update(plane: ControlPlane, obj: Json, namespace: str | None, status: Json) -> None:
    target = path(VERSION, PLURALS[obj["kind"]], namespace, obj["metadata"]["name"])
    plane.client.patch(f"{target}/status", {"status": status}, MERGE)


@pytest.fixture
def shop(cluster: ControlPlane, namespace: str) -> Iterator[str]:
    """Make a zone and two services with a status; return their namespace."""
    write(cluster, INTERNAL, None)
    write(cluster, WEB, namespace)
    write(cluster, API, namespace)
    yield namespace
    cluster.kubectl("delete", "dz", "internal")
    cluster.kubectl("delete", "si", "--all", "-n", namespace)


def test_status(command: Run, shop: str) -> None:
    ended = command("status", "-n", shop)
    assert (ended.code, ended.stderr) == (0, "")
    zone, service = ended.stdout.splitlines()[1], ended.stdout.splitlines()[5]
    assert zone.split() == ["internal", "k8s.example.com", "1767268800", "14", "2", "Published"]
    assert service.split()[:6] == [shop, "web", "web.shop.k8s.example.com", "3/5", "1/1", "1"]


def test_status_of_one_service(command: Run, shop: str) -> None:
    ended = command("status", f"{shop}/web", "-o", "json")
    # What is not in the status is written empty: every field is there for whoever reads it.
    assert ended.json["instances"][0] == {**WEB["status"]["instances"][0], "endpointSlice": ""}
    assert ended.json["health"] == "good"


def test_more_services_than_a_page_holds(cluster: ControlPlane, namespace: str) -> None:
    for number in range(7):
        body = {"apiVersion": VERSION, "kind": "ServiceInstance", "metadata": {"name": f"s-{number}"}}
        cluster.client.create(path(VERSION, "serviceinstances", namespace), body)
    script = "import rollcall.cli.cluster as c; c.PAGE_SIZE = 2; from rollcall.cli import main; main()"
    listed = subprocess.run(
        [COMMAND[0], "-c", script, "status", "-n", namespace, "-o", "json"],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env=environment(cluster),
        check=True,
    )
    names = [each["name"] for each in json.loads(listed.stdout)["services"]]
    assert names == [f"s-{number}" for number in range(7)]


def test_what_is_not_there(command: Run, namespace: str) -> None:
    assert command("status", "nope", "-n", namespace).code == 3
    assert command("status", "--zone", "nope").code == 3


def test_an_api_server_that_is_not_there(command: Run, cluster: ControlPlane, namespace: str) -> None:
    elsewhere = cluster.folder / "elsewhere.kubeconfig"
    elsewhere.write_text(cluster.kubeconfig.read_text().replace(cluster.url, "https://127.0.0.1:1"))
    ended = command("status", "--kubeconfig", str(elsewhere))
    assert (ended.code, ended.stdout) == (1, "")
    assert ended.stderr.startswith("Error: the API server can't be reached: GET /apis/rollcall.dev/v1alpha1")
    assert len(ended.stderr.splitlines()) == 1


def test_a_kubeconfig_that_is_none(command: Run, cluster: ControlPlane) -> None:
    broken = cluster.folder / "broken.kubeconfig"
    broken.write_text("neither: here\n")
    ended = command("status", "-n", "shop", KUBECONFIG=str(broken))
    assert ended.code == 1
    assert len(ended.stderr.splitlines()) == 1
    assert "--kubeconfig" in ended.stderr


def test_as_a_plugin_of_kubectl(cluster: ControlPlane, shop: str) -> None:
    folder = Path(COMMAND[0]).parent
    assert (folder / "kubectl-rollcall").exists()
    done = subprocess.run(
        [find("kubectl"), "rollcall", "status", "web", "-n", shop],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env=environment(cluster, PATH=f"{folder}:{os.environ['PATH']}"),
        check=True,
    )
    assert done.stdout.startswith(f"{shop}/web: 3 of 5 instances answered\n")


def next_change(stream: IO[str]) -> Json:
    told: Json = json.loads(stream.readline())
    return told


def test_watch(cluster: ControlPlane, shop: str) -> None:
    watching = subprocess.Popen(
        [*COMMAND, "watch", "web", "-n", shop, "-o", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(cluster),
    )
    with watching:
        assert watching.stdout is not None
        assert watching.stderr is not None
        try:
            first = next_change(watching.stdout)
            assert (first["type"], first["service"]["ready"]) == ("ADDED", "3/5")
            update(cluster, WEB, shop, {"ready": "4/5"})
            second = next_change(watching.stdout)
            assert (second["type"], second["service"]["ready"]) == ("MODIFIED", "4/5")
            cluster.kubectl("delete", "si", "web", "-n", shop)
            assert next_change(watching.stdout)["type"] == "DELETED"
        finally:
            watching.send_signal(signal.SIGINT)
            assert watching.wait(SECONDS) == 0
        assert (watching.stdout.read(), watching.stderr.read()) == ("", "")


def test_watch_ends_with_its_reader(cluster: ControlPlane, shop: str) -> None:
    watching = subprocess.Popen(
        [*COMMAND, "watch", "-n", shop, "-o", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(cluster),
    )
    with watching:
        assert watching.stdout is not None
        assert watching.stderr is not None
        next_change(watching.stdout)
        watching.stdout.close()
        update(cluster, WEB, shop, {"ready": "1/5"})
        assert watching.wait(SECONDS) == 1
        assert watching.stderr.read() == ""


def test_watch_on_a_terminal(cluster: ControlPlane, shop: str) -> None:
    with on_terminal(cluster, "watch", "-n", shop) as terminal:
        terminal.read_until("3/5")
        update(cluster, WEB, shop, {"ready": "2/5"})
        terminal.read_until("2/5")
