"""Releases as the records of a zone: a switch is one version, and each side keeps a name of its own."""

from collections.abc import Iterator
from typing import Any

import dns.name
import msgspec
import pytest

from rollcall.directory import Directory
from rollcall.model import BlueGreen, Canary, Instance, Key, Pod, Release, UnweightedTargets
from rollcall.zone import Commit
from rollcall.zone.content import Record
from rollcall.zone.exported import ExportedZone
from rollcall.zone.placement import Placement
from unit.world import World, pod, resource, service, zone

WEB = Key("shop", "web")
APEX = dns.name.from_text("example.com").to_wire() or b""
ROOT = dns.name.from_text("web.shop.example.com").to_wire() or b""

NO_RELEASE = Release()


def side(version: str, count: int, block: int, **fields: Any) -> list[Pod]:
    labels = {"app": "web", "version": version}
    return [pod(f"{version}-{n}", f"10.0.{block}.{n}", labels=labels, **fields) for n in range(1, count + 1)]


class Stage(World):
    """A service with a release in a zone, and what a server has of it that knows no weights."""

    def __init__(self, *pods: Pod, release: Release = NO_RELEASE) -> None:
        self.published = ExportedZone(APEX)
        super().__init__(zone(), service(), resource(release=release), *pods)

    def release(self, release: Release, generation: int = 2) -> None:
        self.apply(resource(release=release, generation=generation))

    def commit(self, backlog: int | None = None) -> Commit:
        commit = super().commit(backlog)
        for delta in commit.deltas:
            self.published.advance(delta)
        return commit

    def answered(self, name: str = "web.shop") -> set[str]:
        return {
            line.split()[2] for line in self.follower.text("example.com", "A") if line.startswith(f"{name} ")
        }

    def elsewhere(self) -> set[str]:
        rrset = self.published.rrsets.get((ROOT, 1))
        return {".".join(map(str, data)) for data in rrset.records} if rrset else set()


def addresses(block: int, count: int) -> set[str]:
    return {f"10.0.{block}.{n}" for n in range(1, count + 1)}


def blue_green(active: str, min_ready: int = 1) -> Release:
    return Release(blue_green=BlueGreen(active, min_ready))


def test_a_switch_is_one_version_of_the_zone() -> None:
    stage = Stage(*side("blue", 100, 1), *side("green", 100, 2), release=blue_green("blue"))
    assert stage.answered() == stage.elsewhere() | stage.answered() == addresses(1, 100)
    stage.release(blue_green("green"))
    assert len(stage.commit().deltas) == 1
    assert stage.answered() == addresses(2, 100)
    assert stage.elsewhere() < addresses(2, 100)
    assert len(stage.commit().deltas) == 0
    stage.release(blue_green("blue"), generation=3)
    assert len(stage.commit().deltas) == 1
    assert stage.answered() == addresses(1, 100)


def test_each_version_keeps_its_name_and_its_instances_theirs() -> None:
    stage = Stage(*side("blue", 2, 1), *side("green", 1, 2), release=blue_green("blue"))
    assert stage.answered() == addresses(1, 2)
    assert stage.answered("green.versions.web.shop") == addresses(2, 1)
    assert "_http._tcp.green.versions.web.shop SRV 0 100 8080 10-0-2-1.web.shop" in stage.follower.text()
    assert stage.answered("10-0-2-1.web.shop") == addresses(2, 1)
    assert not any(
        line.startswith("_http._tcp.web.shop") and "10-0-2-1" in line for line in stage.follower.text()
    )


def test_a_refused_switch_changes_nothing_until_enough_are_ready() -> None:
    stage = Stage(*side("blue", 2, 1), *side("green", 1, 2), release=blue_green("blue"))
    stage.release(blue_green("green", 2))
    stage.commit()
    assert stage.answered() == addresses(1, 2)
    entry = stage.directory.get(WEB)
    assert entry is not None
    assert entry.release_problem is not None
    stage.apply(*side("green", 2, 2))
    assert len(stage.commit().deltas) == 1
    assert stage.answered() == addresses(2, 2)
    assert entry.release_problem is None


def test_a_first_release_waits_for_its_version_while_all_are_answered() -> None:
    stage = Stage(*side("blue", 2, 1))
    stage.release(blue_green("green"))
    stage.commit()
    assert stage.answered() == addresses(1, 2)
    stage.apply(*side("green", 1, 2))
    assert len(stage.commit().deltas) == 1
    assert stage.answered() == addresses(2, 1)


def test_a_switch_and_the_pods_that_allow_it_may_come_together_in_any_order() -> None:
    stage = Stage(*side("blue", 1, 1), release=blue_green("blue"))
    stage.release(blue_green("green", 2))
    stage.apply(*side("green", 2, 2))
    assert len(stage.commit().deltas) == 1
    assert stage.answered() == addresses(2, 2)


def test_a_restart_goes_on_where_the_status_says() -> None:
    first = Stage(*side("blue", 2, 1), *side("green", 1, 2), release=blue_green("blue"))
    entry = first.directory.get(WEB)
    assert entry is not None
    later = Directory()
    later.apply_service(service())
    asked = resource(release=blue_green("green", 5))
    later.apply_resource(msgspec.structs.replace(asked, released=entry.released))
    for each in (*side("blue", 2, 1), *side("green", 1, 2)):
        later.apply_pod(each)
    later.take_changes()
    after = later.get(WEB)
    assert after is not None
    assert {i.version for i in after.instances.values() if i.eligible} == {"blue"}


def test_our_own_status_comes_back_without_any_work() -> None:
    stage = Stage(*side("blue", 1, 1), *side("green", 1, 2), release=blue_green("blue"))
    entry = stage.directory.get(WEB)
    assert entry is not None
    stage.release(blue_green("green"))
    stage.commit()
    echo = msgspec.structs.replace(
        resource(release=blue_green("green"), generation=2), released=entry.released
    )
    stage.apply(echo)
    assert stage.directory.take_changes() == {}


def test_a_late_echo_of_an_older_switch_turns_nothing_back() -> None:
    stage = Stage(*side("blue", 1, 1), *side("green", 1, 2), release=blue_green("blue"))
    entry = stage.directory.get(WEB)
    assert entry is not None
    old = entry.released
    stage.release(blue_green("green"))
    stage.commit()
    stage.apply(msgspec.structs.replace(resource(release=blue_green("green"), generation=2), released=old))
    stage.commit()
    assert stage.answered() == addresses(2, 1)


def test_what_another_replica_let_through_is_followed() -> None:
    stage = Stage(*side("blue", 1, 1), release=blue_green("blue"))
    asked = resource(release=blue_green("green"), generation=2)
    stage.apply(asked)
    stage.commit()
    let_through = Stage(*side("green", 1, 2), release=blue_green("green")).directory.get(WEB)
    assert let_through is not None
    stage.apply(msgspec.structs.replace(asked, released=let_through.released))
    stage.apply(*side("green", 1, 2))
    stage.commit()
    assert stage.answered() == addresses(2, 1)


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        (UnweightedTargets.ALL, addresses(1, 3) | addresses(2, 2)),
        (UnweightedTargets.STABLE_ONLY, addresses(1, 3)),
        (UnweightedTargets.BY_COUNT, addresses(1, 3)),
    ],
)
def test_servers_without_weights_get_what_is_chosen(targets: UnweightedTargets, expected: set[str]) -> None:
    pods = *side("v1", 3, 1), *side("v2", 2, 2)
    stage = Stage(*pods, release=Release(canary=Canary("v1", "v2", 1, targets)))
    assert stage.answered() == addresses(1, 3) | addresses(2, 2)
    assert stage.elsewhere() == expected
    # This choice alone makes another content.
    stable_only = Release(canary=Canary("v1", "v2", 1, UnweightedTargets.STABLE_ONLY))
    other = Stage(*pods, release=stable_only)
    digests = {content.digest for each in (stage, other) for content in each.zones.contents()}
    assert len(digests) == (2 if targets is UnweightedTargets.ALL else 1)
    stage.release(stable_only)
    assert len(stage.commit().deltas) == 1
    assert stage.elsewhere() == other.elsewhere() == addresses(1, 3)


def test_srv_records_carry_the_shares() -> None:
    stage = Stage(*side("v1", 2, 1), *side("v2", 1, 2), release=Release(canary=Canary("v1", "v2", 1)))
    lines = [line.split() for line in stage.follower.text() if line.startswith("_http._tcp.web.shop SRV")]
    weights = {line[5]: int(line[3]) for line in lines}
    canary = weights["10-0-2-1.web.shop"]
    assert 100 * canary / sum(weights.values()) == pytest.approx(1, abs=0.01)
    assert max(weights.values()) > 32768


def test_a_canary_of_weight_0_and_pods_of_neither_version_are_not_answered() -> None:
    others = side("v3", 1, 3)
    stage = Stage(
        *side("v1", 1, 1), *side("v2", 1, 2), *others, release=Release(canary=Canary("v1", "v2", 0))
    )
    assert stage.answered() == addresses(1, 1)
    stage.release(Release(canary=Canary("v1", "v2", 100)))
    stage.commit()
    assert stage.answered() == addresses(2, 1)
    stage.apply(*side("v2", 1, 2, ready=False))
    stage.commit()
    assert stage.answered() == addresses(1, 1), "the stable version stands in"


def test_a_drained_pod_leaves_every_name() -> None:
    stage = Stage(*side("v1", 2, 1))
    stage.apply(*side("v1", 1, 1, drain="true"))
    assert len(stage.commit().deltas) == 1
    assert stage.answered() == stage.elsewhere() == {"10.0.1.2"}
    assert stage.answered("v1.versions.web.shop") == {"10.0.1.2"}
    assert not any("10-0-1-1" in line for line in stage.follower.text())
    stage.apply(*side("v1", 1, 1, drain="false"))
    stage.commit()
    assert stage.answered() == addresses(1, 2)


def test_a_pod_of_weight_0_is_not_published_where_there_are_no_weights() -> None:
    stage = Stage(*side("v1", 1, 1), *side("v2", 1, 2, weight="0"))
    assert stage.elsewhere() == addresses(1, 1)
    stage.apply(*side("v1", 1, 1, weight="0"))
    stage.commit()
    assert stage.elsewhere() == addresses(1, 1) | addresses(2, 1), "weights of 0 throughout say nothing"


@pytest.fixture
def composed(monkeypatch: pytest.MonkeyPatch) -> list[Key]:
    """Return the instances whose records are made, in the order in which they are."""
    made: list[Key] = []
    records = Placement.records

    def counting(placement: Placement, instance: Instance) -> Iterator[Record]:
        made.append(instance.pod)
        return records(placement, instance)

    monkeypatch.setattr(Placement, "records", counting)
    return made


def test_a_change_is_worked_on_where_it_is(composed: list[Key]) -> None:
    """A pod's change is a matter of that pod, a new generation one of the marker alone."""
    stage = Stage(*side("blue", 100, 1), *side("green", 100, 2), release=blue_green("blue"))
    composed.clear()
    (changed,) = side("green", 1, 2, ready=False)
    stage.apply(changed)
    assert len(stage.commit().deltas) == 1
    assert set(composed) == {changed.key}

    composed.clear()
    stage.release(blue_green("blue", min_ready=2), generation=3)
    assert len(stage.commit().deltas) == 1
    assert composed == []
    assert "generation=3" in stage.follower.text("example.com", "TXT")[0]


def test_weights_of_a_canary_change_no_name_of_one_version(composed: list[Key]) -> None:
    stage = Stage(*side("v1", 10, 1), *side("v2", 3, 2), release=Release(canary=Canary("v1", "v2", 10)))
    before = stage.follower.text("example.com", "SRV")
    composed.clear()
    (changed,) = side("v1", 1, 1, ready=False)
    stage.apply(changed)
    stage.commit()
    assert {key.name for key in composed} == {"v1-1", "v2-1", "v2-2", "v2-3"}, "it, and the smaller side"
    after = stage.follower.text("example.com", "SRV")
    versions = [line for line in before if ".versions." in line and "10-0-1-1.web" not in line]
    assert versions == [line for line in after if ".versions." in line]
    assert [line for line in before if ".versions." not in line] != after
