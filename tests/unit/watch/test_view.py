"""What an observation changes, given what is known."""

from rollcall.model import Key, Pod
from rollcall.watch import Change, View
from rollcall.watch.resource import Item

A, B = Key("shop", "a"), Key("shop", "b")


def state(key: Key, uid: str = "u-1", *, ready: bool | None = True) -> Item[Pod]:
    return Item(key, uid, Pod(key, uid, ready=ready))


def put(view: View[Pod], *items: Item[Pod]) -> list[Change[Pod]]:
    changes: list[Change[Pod]] = []
    for item in items:
        view.put(item, changes)
    return changes


def test_new_changed_and_the_same() -> None:
    view: View[Pod] = View()
    up, down = state(A), state(A, ready=False)
    assert put(view, up, up, down) == [Change(A, None, up.object), Change(A, up.object, down.object)]
    assert view.objects == {A: down.object}


def test_another_object_of_the_same_name_is_two_changes() -> None:
    view: View[Pod] = View()
    first, second = state(A, "u-1"), state(A, "u-2")
    put(view, first)
    assert put(view, second) == [Change(A, first.object, None), Change(A, None, second.object)]


def test_another_object_that_cannot_be_read_ends_the_first() -> None:
    view: View[Pod] = View()
    first = state(A, "u-1")
    put(view, first)
    assert put(view, Item(A, "u-2", None, "no good")) == [Change(A, first.object, None)]
    assert view.malformed == {A: "no good"}


def test_a_bad_state_is_news_once() -> None:
    view: View[Pod] = View()
    good = state(A)
    put(view, good)
    told = [
        view.put(item, [])
        for item in (
            Item(A, "u-1", None, "no good"),
            Item(A, "u-1", None, "no good"),
            Item(A, "u-1", None, "worse"),
            good,
            Item(A, "u-1", None, "worse"),
        )
    ]
    assert told == [True, False, True, False, True]
    assert view.objects == {A: good.object}


def test_the_deletion_of_an_earlier_object_is_not_that_of_this_one() -> None:
    view: View[Pod] = View()
    now = state(A, "u-2")
    put(view, now)
    changes: list[Change[Pod]] = []
    view.remove(A, "u-1", changes)
    view.remove(B, "u-1", changes)
    assert changes == []
    view.remove(A, "u-2", changes)
    assert changes == [Change(A, now.object, None)]
    assert view.objects == {}


def test_a_whole_list_drops_the_rest() -> None:
    view: View[Pod] = View()
    gone = state(B)
    put(view, state(A), gone, Item(Key("shop", "c"), "u", None, "no good"))
    changes: list[Change[Pod]] = []
    view.retain({A}, changes)
    assert changes == [Change(B, gone.object, None)]
    assert list(view.objects) == [A]
    assert view.malformed == {}
