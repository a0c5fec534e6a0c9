"""Since when a pod is in or out of the answers everywhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.directory import Directory, ServiceChange
from rollcall.model import Key
from rollcall.propagation.pod_turns import MAX_GONE, Turn
from rollcall.propagation.report import AHEAD, BEHIND, CURRENT, TargetReport
from rollcall.propagation.tracker import Tracker
from rollcall.zone import Commit, Installation, PublishedVersion, ZoneDelta, Zones
from unit.world import pod

A, B = b"\x01a\x00", b"\x01b\x00"
POD, OTHER = Key("shop", "web-0"), Key("shop", "web-1")
SERVICE = Key("shop", "web")
NEAR_THE_TOP = (1 << 32) - 2


class World:
    """One DNS worker is wanted, and there."""

    def __init__(self, *targets: tuple[bytes, str]) -> None:
        directory = Directory()
        self.tracker = Tracker(directory, Zones(directory, Installation("test")), 1, lambda: 0.0)
        self.tracker.on_connected(0, True)
        self.want(*targets)

    def want(self, *targets: tuple[bytes, str]) -> None:
        self.tracker.targets.keep(targets)

    def turn(self, version: int, serials: dict[bytes, int], key: Key = POD) -> Turn:
        deltas = tuple(ZoneDelta(apex, serial) for apex, serial in serials.items())
        changes = {SERVICE: ServiceChange(turned={key})}
        self.tracker.on_published(PublishedVersion(version, changes, Commit(deltas), 0))
        return self.tracker.turn_of(key)

    def serve(self, version: int) -> None:
        self.tracker.on_acknowledged(0, version, 0.0)

    def report(self, apex: bytes, target: str, serial: int, reason: str = CURRENT) -> None:
        self.tracker.on_report(TargetReport("main", apex, target, serial, 0.0, reason, "", True))


def test_a_turn_waits_for_the_workers() -> None:
    world = World()
    turn = world.turn(5, {A: 10})
    world.serve(4)
    assert world.tracker.arrived_at(turn, 1.0) is None
    world.serve(5)
    assert world.tracker.arrived_at(turn, 2.0) == 2.0
    assert world.tracker.arrived_at(turn, 9.0) == 2.0


def test_a_turn_waits_for_each_target_of_its_zones_and_no_other() -> None:
    world = World((A, "bind"), (A, "knot"), (B, "nsd"))
    turn = world.turn(5, {A: 10})
    world.serve(5)
    assert sorted(world.tracker.behind(turn)) == ["bind", "knot"]
    world.report(A, "bind", 10)
    world.report(A, "knot", 9, BEHIND)
    world.report(A, "stranger", 10)
    assert world.tracker.behind(turn) == ["knot"]
    assert world.tracker.arrived_at(turn, 1.0) is None
    world.report(A, "knot", 12)
    assert world.tracker.arrived_at(turn, 2.0) == 2.0


@pytest.mark.parametrize(("serial", "reason"), [(0, BEHIND), (7, AHEAD)])
def test_a_report_without_a_serial_of_ours_takes_nothing_back(serial: int, reason: str) -> None:
    world = World((A, "bind"))
    world.report(A, "bind", 10)
    world.report(A, "bind", serial, reason)
    assert world.tracker.behind(world.turn(1, {A: 10})) == []


def test_serials_wrap_around() -> None:
    world = World((A, "bind"))
    turn = world.turn(1, {A: 3})
    world.report(A, "bind", NEAR_THE_TOP)
    assert world.tracker.behind(turn) == ["bind"]
    world.report(A, "bind", 3)
    assert world.tracker.behind(turn) == []


def test_a_target_that_is_gone_holds_up_nobody() -> None:
    world = World((A, "bind"), (A, "knot"))
    world.report(A, "knot", 10)
    turn = world.turn(1, {A: 10})
    assert world.tracker.behind(turn) == ["bind"]
    world.want((A, "knot"))
    assert world.tracker.behind(turn) == []
    assert world.tracker.has_targets(turn)
    world.want()
    assert not world.tracker.has_targets(turn)
    assert list(world.tracker.targets) == []


def test_two_turns_in_a_row_are_waited_for_both() -> None:
    world = World((A, "bind"), (B, "nsd"))
    world.turn(1, {A: 10})
    turn = world.turn(2, {B: 20})
    world.serve(2)
    world.report(B, "nsd", 20)
    assert world.tracker.behind(turn) == ["bind"]


def test_of_two_turns_in_one_the_longest_ttl_counts() -> None:
    assert Turn(2, {B: 20}, 5).after(Turn(1, {A: 10}, 60)).ttl_seconds == 60


def test_what_a_target_said_is_told_by_domain_and_name() -> None:
    world = World((B, "nsd"), (A, "knot"), (A, "bind"))
    for apex, target in ((B, "nsd"), (A, "knot")):
        world.report(apex, target, 1)
    assert [state.report.target for state in world.tracker.targets.of([B, A])] == ["knot", "nsd"]
    assert [state.report.target for state in world.tracker.targets.of([B])] == ["nsd"]


def test_pods_that_are_gone_are_remembered_for_a_while() -> None:
    tracker = World().tracker
    assert not tracker.has_left(POD)
    tracker.on_pod_removed(POD)
    assert tracker.has_left(POD)
    for number in range(MAX_GONE - 1):
        tracker.on_pod_removed(Key("shop", f"job-{number}"))
    assert tracker.has_left(POD)
    tracker.on_pod_removed(OTHER)
    assert not tracker.has_left(POD)
    tracker.on_pod(pod("web-1"))
    assert not tracker.has_left(OTHER)


@given(st.lists(st.tuples(st.sampled_from(["turn", "serve", "A", "B"]), st.integers(1, 50)), max_size=60))
def test_a_turn_is_everywhere_once_each_has_got_as_far_and_never_before(
    events: list[tuple[str, int]],
) -> None:
    """Against a model that remembers every change: they all must have arrived, not the last one alone."""
    world = World((A, "bind"), (B, "nsd"))
    version, served, serials, reported = 0, -1, {A: 0, B: 0}, {A: 0, B: 0}
    wanted: list[tuple[int, dict[bytes, int]]] = []
    for kind, number in events:
        if kind == "turn":
            version += 1
            changed = [A] if number % 3 == 0 else [B] if number % 3 == 1 else [A, B]
            for apex in changed:
                serials[apex] += 1
            turn = {apex: serials[apex] for apex in changed}
            wanted.append((version, turn))
            world.turn(version, turn)
        elif kind == "serve":
            served = max(served, min(number, version))
            world.serve(served)
        else:
            apex, target = (A, "bind") if kind == "A" else (B, "nsd")
            reported[apex] = max(reported[apex], min(number, serials[apex]))
            world.report(apex, target, reported[apex])
        if wanted:
            arrived = all(
                served >= at and all(reported[apex] >= serial for apex, serial in turn.items())
                for at, turn in wanted
            )
            everywhere = world.tracker.arrived_at(world.tracker.turn_of(POD), 1.0) is not None
            assert everywhere is arrived
