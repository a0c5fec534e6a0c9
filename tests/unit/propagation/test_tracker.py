"""Since when a pod is in or out of the answers everywhere."""

from hypothesis import given
from hypothesis import strategies as st

from rollcall.model import Key
from rollcall.propagation.tracker import MAX_GONE, Presence

A, B = b"\x01a\x00", b"\x01b\x00"
POD, OTHER = Key("shop", "web-0"), Key("shop", "web-1")
NEAR_THE_TOP = (1 << 32) - 2


def test_a_step_waits_for_the_workers():
    presence = Presence()
    step = presence.turned([POD], 5, {A: 10}, 30, now=0.0)
    presence.served(4)
    assert presence.since(step, 1.0) is None
    presence.served(5)
    assert presence.since(step, 2.0) == 2.0
    assert presence.since(step, 9.0) == 2.0


def test_a_step_waits_for_each_target_of_its_zones_and_no_other():
    presence = Presence()
    presence.configure([(A, "bind"), (A, "knot"), (B, "nsd")])
    step = presence.turned([POD], 5, {A: 10}, 30, now=0.0)
    presence.served(5)
    assert sorted(presence.behind(step)) == ["bind", "knot"]
    presence.reported(A, "bind", 10)
    presence.reported(A, "knot", 9)
    presence.reported(A, "stranger", 10)
    assert presence.behind(step) == ["knot"]
    assert presence.since(step, 1.0) is None
    presence.reported(A, "knot", 12)
    assert presence.since(step, 2.0) == 2.0


def test_a_report_without_a_serial_changes_nothing():
    presence = Presence()
    presence.configure([(A, "bind")])
    presence.reported(A, "bind", 10)
    presence.reported(A, "bind", 0)
    step = presence.turned([POD], 1, {A: 10}, 30, now=0.0)
    assert presence.behind(step) == []


def test_serials_wrap_around():
    presence = Presence()
    presence.configure([(A, "bind")])
    step = presence.turned([POD], 1, {A: 3}, 30, now=0.0)
    presence.reported(A, "bind", NEAR_THE_TOP)
    assert presence.behind(step) == ["bind"]
    presence.reported(A, "bind", 3)
    assert presence.behind(step) == []


def test_a_target_that_is_gone_holds_up_nobody():
    presence = Presence()
    presence.configure([(A, "bind"), (A, "knot")])
    presence.reported(A, "knot", 10)
    step = presence.turned([POD], 1, {A: 10}, 30, now=0.0)
    assert presence.behind(step) == ["bind"]
    presence.configure([(A, "knot")])
    assert presence.behind(step) == []
    assert presence.has_targets(step)
    presence.configure([])
    assert not presence.has_targets(step)


def test_two_steps_in_a_row_are_waited_for_both():
    presence = Presence()
    presence.configure([(A, "bind"), (B, "nsd")])
    presence.turned([POD], 1, {A: 10}, 60, now=0.0)
    presence.turned([POD], 2, {B: 20}, 5, now=0.0)
    presence.served(2)
    step = presence.step(POD)
    assert step.ttl == 60
    presence.reported(B, "nsd", 20)
    assert presence.behind(step) == ["bind"]


def test_a_pod_that_nothing_happened_to_has_the_first_step():
    presence = Presence()
    presence.start(1, {A: 7}, 30)
    assert presence.step(POD).serials == {A: 7}


def test_pods_that_are_gone_are_remembered_for_a_while():
    presence = Presence()
    assert not presence.is_gone(POD)
    presence.removed(POD)
    presence.turned([POD], 3, {}, 0, now=0.0)
    assert presence.is_gone(POD)
    for number in range(MAX_GONE - 1):
        presence.removed(Key("shop", f"job-{number}"))
    assert presence.is_gone(POD)
    presence.removed(OTHER)
    assert not presence.is_gone(POD)
    presence.added(OTHER)
    assert not presence.is_gone(OTHER)


@given(st.lists(st.tuples(st.sampled_from(["turn", "serve", "A", "B"]), st.integers(1, 50)), max_size=60))
def test_a_step_is_everywhere_once_each_has_got_as_far_and_never_before(events):
    """Against a model that remembers every change: they all must have arrived, not the last one alone."""
    presence = Presence()
    presence.configure([(A, "bind"), (B, "nsd")])
    version, served, serials, reported = 0, -1, {A: 0, B: 0}, {A: 0, B: 0}
    wanted: list[tuple[int, dict[bytes, int]]] = []
    for kind, number in events:
        if kind == "turn":
            version += 1
            changed = [A] if number % 3 == 0 else [B] if number % 3 == 1 else [A, B]
            for apex in changed:
                serials[apex] += 1
            step = {apex: serials[apex] for apex in changed}
            wanted.append((version, step))
            presence.turned([POD], version, step, 5, now=0.0)
        elif kind == "serve":
            served = max(served, min(number, version))
            presence.served(served)
        else:
            apex, target = (A, "bind") if kind == "A" else (B, "nsd")
            reported[apex] = max(reported[apex], min(number, serials[apex]))
            presence.reported(apex, target, reported[apex])
        if wanted:
            arrived = all(
                served >= at and all(reported[apex] >= serial for apex, serial in step.items())
                for at, step in wanted
            )
            assert (presence.since(presence.step(POD), 1.0) is not None) is arrived
