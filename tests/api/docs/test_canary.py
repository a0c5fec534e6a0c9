"""docs/how-to/canary.md, done as it says, with two pods, so that a weight is no matter of their numbers.

Replaced: the namespace shop, and the pauses between steps, by hours: the test ends each when it has seen it.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import dns.rcode
import pytest

from api.docs.reader import Reader, column
from api.targets.stage import Stage, staged
from api.test_operator import status, wait_instance
from controlplane import ControlPlane, path
from controlplane.client import MERGE
from rollcall_process import Rollcall
from waiting import eventually

STABLE, CANARY, OTHER = "10.0.7.1", "10.0.7.2", "10.0.7.3"
OLD, NEW = "v1.4.2", "v1.5.0"
LOOKS = 1000
FIVE_DEVIATIONS = 0.07
"""Of a share that is measured by so many looks: at most 5 * (0.25 * 0.75 / LOOKS) ** 0.5."""

LAST = {"weight": 100}
"""The last of the steps."""

STABLE_WEIGHT = 51200
CANARY_WEIGHTS = {1: 517, 10: 5689, 25: 17067}
"""The weights of SRV records, by the canary's part in percent."""


@pytest.fixture
def stage(cluster: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Stage]:
    with staged(cluster, namespace, tmp_path, [OLD, NEW, "v1.3.9"]) as made:
        yield made


class Canary(NamedTuple):
    """Who reads the page, and what of it is seen."""

    reader: Reader
    stage: Stage
    rollcall: Rollcall

    def write(self, canary: dict[str, object]) -> None:
        """Change the release in another way than the page does."""
        target = path("rollcall.dev/v1alpha1", "serviceinstances", self.stage.namespace, "web")
        self.stage.plane.client.patch(target, {"spec": {"release": {"canary": canary}}}, MERGE)

    def wait_answers(self, *addresses: str) -> None:
        self.rollcall.wait_answers(self.stage.name, set(addresses))

    def wait_share(self, percent: int, canary: str = CANARY, stable: str = STABLE) -> None:
        """Wait for the weights of the SRV records: the answers are drawn by the same ones."""
        weights = {canary: CANARY_WEIGHTS[percent], stable: STABLE_WEIGHT}
        expected = {
            f"0 {weight} 80 {address.replace('.', '-')}.{self.stage.name}."
            for address, weight in weights.items()
        }
        self.rollcall.wait_answers(f"_http._tcp.{self.stage.name}", expected, "SRV")

    def wait_released(self, reason: str) -> None:
        eventually(lambda: self.reason() == reason, f"the condition Released says {reason}")

    def reason(self) -> str:
        """Return the reason of the condition Released."""
        found = status(self.stage.plane, "si", "web", self.stage.namespace).get("conditions") or ()
        return next((str(each["reason"]) for each in found if each["type"] == "Released"), "")

    def shares(self) -> dict[str, float]:
        """Return the share of each address among many answers, which have one each."""
        found: Counter[str] = Counter()
        for _ in range(LOOKS):
            (address,) = self.rollcall.answers(self.stage.name)
            found[address] += 1
        return {address: count / LOOKS for address, count in found.items()}


def test_the_page(stage: Stage, tmp_path: Path) -> None:
    stage.zone()
    replaced = {"shop": stage.namespace, "10m": "1h", "30m": "1h"}
    with (
        Reader(stage.plane, "canary.md", tmp_path, replaced) as reader,
        stage.rollcall() as rollcall,
    ):
        rollcall.wait_answers(stage.name, {STABLE, CANARY, OTHER})
        wait_instance(stage.plane, stage.namespace)
        canary = Canary(reader, stage, rollcall)
        _by_hand(canary)
        _by_itself(canary)
        _when_a_side_is_missing(canary)


def _by_hand(canary: Canary) -> None:
    reader = canary.reader
    reader.apply("weight: 10")
    canary.wait_share(10)
    found = canary.shares()
    assert found.keys() == {STABLE, CANARY}
    assert found[CANARY] == pytest.approx(0.1, abs=FIVE_DEVIATIONS)

    reader.run("kubectl patch serviceinstance web")
    canary.wait_share(25)
    assert canary.shares()[CANARY] == pytest.approx(0.25, abs=FIVE_DEVIATIONS)
    listed = "kubectl get si -n shop -o wide"
    eventually(lambda: f"{NEW} 25%" in column(reader.told(listed), "RELEASE"), "25% in the column")

    assert "1 % of two pods is 517 against 51200" in reader.page
    canary.write({"weight": 1})
    canary.wait_share(1)
    assert "every target has it (1 of 1)" in reader.run("rollcall release weight web 25 -n shop --wait")
    canary.wait_share(25)
    shown = _shares(reader.run("rollcall release status web -n shop"))
    assert shown == {OLD: "75%", NEW: "25%", "v1.3.9": "0%"}
    assert shown == _shares(reader.script("kubectl rollcall release status web -n shop"))
    reader.run("rollcall release abort web -n shop")
    canary.wait_answers(STABLE)
    reader.run("rollcall release promote web -n shop")
    canary.wait_answers(CANARY)
    reader.told("rollcall release weight web 100 -n shop")
    canary.wait_answers(STABLE)


def _shares(shown: str) -> dict[str, str]:
    """Return the last column of the table of versions."""
    rows = [line.split() for line in shown.splitlines() if re.match(r"v1\.", line)]
    return {row[0]: row[-1] for row in rows}


def _by_itself(canary: Canary) -> None:
    reader = canary.reader
    reader.apply("steps:")
    with reader.watching("rollcall release status web -n shop --watch") as terminal:
        terminal.read_until("step: 1 of 3")
        canary.write({"steps": [{"weight": 5, "pause": "1s"}, {"weight": 25, "pause": "1h"}, LAST]})
        terminal.read_until("step: 2 of 3")
        canary.write({"steps": [{"weight": 5, "pause": "1s"}, {"weight": 25, "pause": "1s"}, LAST]})
        terminal.read_until("Completed")
    canary.wait_released("StepsCompleted")
    canary.wait_answers(CANARY)
    reader.run("rollcall release promote web -n shop")
    canary.wait_released("Released")
    canary.wait_answers(CANARY)

    canary.write({"weight": None, "steps": [{"weight": 10, "pause": "1h"}, LAST]})
    canary.wait_released("Progressing")
    canary.wait_share(10, canary=STABLE, stable=CANARY)  # they have changed places
    reader.run("rollcall release weight web 25 -n shop")
    canary.wait_share(25, canary=STABLE, stable=CANARY)
    canary.wait_released("Released")
    reader.run("rollcall release abort web -n shop")
    canary.wait_answers(CANARY)
    reader.run('"weight":null,"steps":')
    canary.wait_released("Progressing")
    canary.wait_share(25, canary=STABLE, stable=CANARY)
    canary.write({"steps": [{"weight": 25, "pause": "1s"}, LAST]})
    canary.wait_released("StepsCompleted")
    canary.wait_answers(STABLE)
    canary.write({"stable": OLD, "canary": NEW, "weight": 10, "steps": None})
    canary.wait_released("Released")


def _when_a_side_is_missing(canary: Canary) -> None:
    stage = canary.stage
    stage.set_ready(1, False)
    canary.wait_answers(STABLE)
    canary.wait_released("CanaryNotReady")
    stage.set_ready(1, True)
    stage.set_ready(0, False)
    canary.wait_answers(CANARY)
    canary.wait_released("StableNotReady")
    canary.reader.run_again("rollcall release abort")
    canary.wait_answers()
    assert canary.rollcall.ask(stage.name).rcode() == dns.rcode.NOERROR, "weight 0 gets no answers"

    stage.set_ready(0, True)
    canary.wait_answers(STABLE)
    canary.write({"stable": "v0.1.0"})
    canary.wait_released("VersionNotReady")
    canary.wait_answers(STABLE)
