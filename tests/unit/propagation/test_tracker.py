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


class Tracking:
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
    tracking = Tracking()
    turn = tracking.turn(5, {A: 10})
    tracking.serve(4)
    assert tracking.tracker.arrived_at(turn, 1.0) is None
    tracking.serve(5)
    assert tracking.tracker.arrived_at(turn, 2.0) == 2.0
    assert tracking.tracker.arrived_at(turn, 9.0) == 2.0


def test_a_turn_waits_for_each_target_of_its_zones_and_no_other() -> None:
    tracking = Tracking((A, "bind"), (A, "knot"), (B, "nsd"))
    turn = tracking.turn(5, {A: 10})
    tracking.serve(5)
    assert sorted(tracking.tracker.behind(turn)) == ["bind", "knot"]
    tracking.report(A, "bind", 10)
    tracking.report(A, "knot", 9, BEHIND)
    tracking.report(A, "stranger", 10)
    assert tracking.tracker.behind(turn) == ["knot"]
    assert tracking.tracker.arrived_at(turn, 1.0) is None
    tracking.report(A, "knot", 12)
    assert tracking.tracker.arrived_at(turn, 2.0) == 2.0


@pytest.mark.parametrize(("serial", "reason"), [(0, BEHIND), (7, AHEAD)])
def test_a_report_without_a_serial_of_ours_takes_nothing_back(serial: int, reason: str) -> None:
    tracking = Tracking((A, "bind"))
    tracking.report(A, "bind", 10)
    tracking.report(A, "bind", serial, reason)
    assert tracking.tracker.behind(tracking.turn(1, {A: 10})) == []


def test_serials_wrap_around() -> None:
    tracking = Tracking((A, "bind"))
    turn = tracking.turn(1, {A: 3})
    tracking.report(A, "bind", NEAR_THE_TOP)
    assert tracking.tracker.behind(turn) == ["bind"]
    tracking.report(A, "bind", 3)
    assert tracking.tracker.behind(turn) == []


def test_a_target_that_is_gone_holds_up_nobody() -> None:
    tracking = Tracking((A, "bind"), (A, "knot"))
    tracking.report(A, "knot", 10)
    turn = tracking.turn(1, {A: 10})
    assert tracking.tracker.behind(turn) == ["bind"]
    tracking.want((A, "knot"))
    assert tracking.tracker.behind(turn) == []
    assert tracking.tracker.has_targets(turn)
    tracking.want()
    assert not tracking.tracker.has_targets(turn)
    assert list(tracking.tracker.targets) == []


def test_two_turns_in_a_row_are_waited_for_both() -> None:
    tracking = Tracking((A, "bind"), (B, "nsd"))
    tracking.turn(1, {A: 10})
    turn = tracking.turn(2, {B: 20})
    tracking.serve(2)
    tracking.report(B, "nsd", 20)
    assert tracking.tracker.behind(turn) == ["bind"]


def test_of_two_turns_in_one_the_longest_ttl_counts() -> None:
    assert Turn(2, {B: 20}, 5).after(Turn(1, {A: 10}, 60)).ttl_seconds == 60


def test_what_a_target_said_is_told_by_domain_and_name() -> None:
    tracking = Tracking((B, "nsd"), (A, "knot"), (A, "bind"))
    for apex, target in ((B, "nsd"), (A, "knot")):
        tracking.report(apex, target, 1)
    assert [state.report.target for state in tracking.tracker.targets.of([B, A])] == ["knot", "nsd"]
    assert [state.report.target for state in tracking.tracker.targets.of([B])] == ["nsd"]


def test_pods_that_are_gone_are_remembered_for_a_while() -> None:
    tracker = Tracking().tracker
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
    tracking = Tracking((A, "bind"), (B, "nsd"))
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
            tracking.turn(version, turn)
        elif kind == "serve":
            served = max(served, min(number, version))
            tracking.serve(served)
        else:
            apex, target = (A, "bind") if kind == "A" else (B, "nsd")
            reported[apex] = max(reported[apex], min(number, serials[apex]))
            tracking.report(apex, target, reported[apex])
        if wanted:
            arrived = all(
                served >= at and all(reported[apex] >= serial for apex, serial in turn.items())
                for at, turn in wanted
            )
            everywhere = tracking.tracker.arrived_at(tracking.tracker.turn_of(POD), 1.0) is not None
            assert everywhere is arrived
