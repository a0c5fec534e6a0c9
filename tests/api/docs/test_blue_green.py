"""docs/how-to/blue-green.md, done as it says, with a BIND that the zone goes to as well.

Replaced: the namespace shop.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.docs.reader import Reader, column
from api.targets.stage import Stage, staged
from api.test_operator import wait_instance
from controlplane import ControlPlane
from nameservers import Bind, data, serving
from waiting import eventually

BLUE = {"10.0.7.1", "10.0.7.2"}
GREEN = {"10.0.7.3", "10.0.7.4"}


@pytest.fixture
def stage(cluster: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Stage]:
    with staged(cluster, namespace, tmp_path, ["blue", "blue", "green", "green"]) as made:
        yield made


def test_the_page(stage: Stage, tmp_path: Path) -> None:
    plane, namespace = stage.plane, stage.namespace
    with (
        serving(Bind.primary(tmp_path / "bind")) as [bind],
        Reader(plane, "blue-green.md", tmp_path, {"shop": namespace}) as reader,
    ):

        def in_force() -> str:
            return column(reader.told("kubectl get si -n shop -o wide"), "RELEASE")

        stage.zone(updates=[stage.update("bind", bind)])
        with stage.rollcall() as rollcall:
            reader.reaches(rollcall)
            rollcall.wait_answers(stage.name, BLUE | GREEN)
            wait_instance(stage.plane, stage.namespace)

            reader.apply("active: blue")
            rollcall.wait_answers(stage.name, BLUE)
            tried = reader.run("dig +short green.versions.web")
            assert set(tried.split()) == GREEN

            reader.run("kubectl patch serviceinstance web")
            rollcall.wait_answers(stage.name, GREEN)
            reader.told("rollcall release rollback web -n shop")
            rollcall.wait_answers(stage.name, BLUE)

            waited = reader.run("rollcall release switch web green -n shop --wait")
            assert data(bind, stage.name, "A") == GREEN, "it has waited for BIND"
            assert rollcall.answers(stage.name) == GREEN
            assert waited == f"{namespace}/web: in force, every target has it (2 of 2).\n"

            assert reader.run("{.status.release.previous}") == "blue"
            reader.told("rollcall release rollback web -n shop")
            rollcall.wait_answers(stage.name, BLUE)

            stage.set_ready(3, False)
            rollcall.wait_answers(f"green.versions.{stage.name}", {"10.0.7.3"})
            reader.run_again("kubectl patch serviceinstance web")
            plane.kubectl(
                "wait", "--for=condition=Released=False", "--timeout=60s", "si/web", "-n", namespace
            )
            assert rollcall.answers(stage.name) == BLUE
            message = reader.run('@.type=="Released"')
            assert "fewer than 2" in message
            assert "1 of its instances is ready" in message
            assert all(f"{version} (" in message for version in ("blue", "green")), message
            assert in_force() == "blue"

            stage.set_ready(3, True)
            rollcall.wait_answers(stage.name, GREEN)
            eventually(lambda: in_force() == "green", "green in the column RELEASE")
