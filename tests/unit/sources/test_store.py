"""What is known of zones and files, from events and lists that overtake one another."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from rollcall.model import DiscoveryZone, Key
from rollcall.sources.store import Store
from rollcall.watch.resource import Item
from unit.world import zone

A, B = Key("", "a"), Key("", "b")


class Log:
    """A store, and what it told."""

    def __init__(self) -> None:
        self.told: list[tuple[Key, DiscoveryZone | None]] = []
        self.state: dict[Key, DiscoveryZone] = {}
        self.store: Store[DiscoveryZone] = Store(self._on_change)

    def _on_change(self, key: Key, now: DiscoveryZone | None) -> None:
        assert self.state.get(key) != now, "no change"
        if now is None:
            del self.state[key]
        else:
            before = self.state.get(key)
            assert before is None or before.uid == now.uid, "a namesake is told of as gone and come"
            self.state[key] = now
        self.told.append((key, now))


def item(name: str, generation: int = 1, uid: str = "", **fields: Any) -> Item[DiscoveryZone]:
    made = msgspec.structs.replace(zone(name, generation=generation, **fields), uid=uid or f"uid-{name}")
    return Item(Key("", name), made.uid, made)


def broken(name: str, uid: str = "", problem: str = "spec: oops") -> Item[DiscoveryZone]:
    return Item(Key("", name), uid or f"uid-{name}", None, problem)


def test_a_state_is_told_once() -> None:
    log = Log()
    for _ in range(3):
        log.store.put(item("a"))
    assert log.told == [(A, item("a").object)]


def test_an_older_generation_is_not_news() -> None:
    log = Log()
    log.store.put(item("a", 2))
    log.store.put(item("a", 1, domain="old.test"))
    assert log.state == {A: item("a", 2).object}


def test_a_list_that_was_asked_for_later_is_newer_whatever_the_generation() -> None:
    """Etcd was restored from a backup."""
    log = Log()
    log.store.put(item("a", 2))
    log.store.begin_full_list()
    log.store.end_full_list([item("a", 1, domain="old.test")])
    assert log.state == {A: item("a", 1, domain="old.test").object}
    log.store.begin_full_list()
    log.store.put(item("a", 3))
    log.store.end_full_list([item("a", 2)])
    assert log.state == {A: item("a", 3).object}, "what has come since is newer"


def test_a_namesake_with_an_older_generation_is() -> None:
    log = Log()
    log.store.put(item("a", 7))
    log.store.put(item("a", 1, uid="other"))
    assert [now and now.uid for _, now in log.told] == ["uid-a", None, "other"]


def test_a_deletion_of_a_namesake_removes_nothing() -> None:
    log = Log()
    log.store.put(item("a", uid="new"))
    log.store.remove(A, "old")
    assert log.state.keys() == {A}
    log.store.remove(A, "new")
    assert log.state == {}


def test_a_full_list_removes_what_it_lacks() -> None:
    log = Log()
    log.store.put(item("a"))
    log.store.put(item("b"))
    log.store.begin_full_list()
    log.store.end_full_list([item("b")])
    assert log.state.keys() == {B}


def test_a_full_list_does_not_remove_what_came_meanwhile() -> None:
    log = Log()
    log.store.begin_full_list()
    log.store.put(item("a"))
    log.store.end_full_list([])
    assert log.state.keys() == {A}


def test_nor_what_took_the_place_of_what_it_lacks() -> None:
    log = Log()
    log.store.put(item("a", uid="old"))
    log.store.begin_full_list()
    log.store.put(item("a", uid="new"))
    log.store.end_full_list([])
    assert log.state[A].uid == "new"


def test_nor_does_it_bring_back_what_went_meanwhile() -> None:
    log = Log()
    log.store.put(item("a"))
    log.store.begin_full_list()
    log.store.remove(A, "uid-a")
    log.store.end_full_list([item("a")])
    assert log.state == {}


def test_nor_the_predecessor_of_what_came_meanwhile() -> None:
    log = Log()
    log.store.put(item("a", uid="old"))
    log.store.begin_full_list()
    log.store.put(item("a", uid="new"))
    log.store.end_full_list([item("a", uid="old")])
    assert log.state[A].uid == "new"


def test_a_full_list_finds_a_namesake() -> None:
    log = Log()
    log.store.put(item("a", 5, uid="old"))
    log.store.begin_full_list()
    log.store.end_full_list([item("a", 1, uid="new")])
    assert log.state[A].uid == "new"


def test_what_can_not_be_read_keeps_its_last_good_state() -> None:
    log = Log()
    log.store.put(item("a"))
    assert log.store.put(broken("a")) is True
    assert log.store.put(broken("a")) is False, "told once"
    assert log.state.keys() == {A}
    assert log.store.malformed == {A: "spec: oops"}
    log.store.begin_full_list()
    assert log.store.end_full_list([broken("a"), broken("b")]) == [broken("b")]
    assert log.state.keys() == {A}, "it is there, if unreadable"
    log.store.put(item("a", 2))
    assert log.store.malformed.keys() == {B}
    log.store.remove(B, "uid-b")
    assert log.store.malformed == {}


def test_a_full_list_forgets_the_unreadable_that_went() -> None:
    log = Log()
    log.store.put(broken("a"))
    log.store.begin_full_list()
    log.store.end_full_list([])
    assert log.store.malformed == {}


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("create"), st.sampled_from("ab")),
            st.tuples(st.just("change"), st.sampled_from("ab")),
            st.tuples(st.just("delete"), st.sampled_from("ab")),
            st.tuples(st.sampled_from(["deliver", "begin", "list", "end", "lose"]), st.just("")),
        ),
        max_size=40,
    )
)
def test_whatever_overtakes_it_ends_at_the_truth(steps: list[tuple[str, str]]) -> None:
    """A server; its events come late, in order, and some never; lists come late as well."""
    log = Log()
    server: dict[str, Item[DiscoveryZone]] = {}
    events: list[tuple[bool, Item[DiscoveryZone]]] = []
    listed: list[Item[DiscoveryZone]] | None = None
    asked = False
    number = 0
    for step, name in steps:
        match step:
            case "create" if name not in server:
                number += 1
                server[name] = item(name, 1, uid=f"uid-{number}")
                events.append((False, server[name]))
            case "change" if name in server:
                known = server[name].object
                assert known is not None
                server[name] = item(name, known.generation + 1, uid=known.uid)
                events.append((False, server[name]))
            case "delete" if name in server:
                events.append((True, server.pop(name)))
            case "lose":  # kopf ended: what was on its way is lost
                events.clear()
            case "deliver" if events:
                is_deleted, seen = events.pop(0)
                deliver(log, is_deleted, seen)
            case "begin" if not asked:
                log.store.begin_full_list()
                asked = True
            case "list" if asked and listed is None:
                listed = list(server.values())
            case "end" if listed is not None:
                log.store.end_full_list(listed)
                asked, listed = False, None
    for is_deleted, seen in events:
        deliver(log, is_deleted, seen)
    log.store.begin_full_list()
    log.store.end_full_list(list(server.values()))
    assert log.state == {Key("", name): each.object for name, each in server.items()}


def deliver(log: Log, is_deleted: bool, seen: Item[DiscoveryZone]) -> None:
    if is_deleted:
        log.store.remove(seen.key, seen.uid)
    else:
        log.store.put(seen)


def versioned(version: int, **fields: Any) -> Item[DiscoveryZone]:
    return msgspec.structs.replace(item("a", **fields), resource_version=str(version))


def test_an_older_owner_of_the_same_generation_is_not_news() -> None:
    log = Log()
    log.store.put(versioned(10, owner="new"))
    log.store.put(versioned(9, owner="old"))
    assert log.state[A].owner == "new"


def test_a_list_that_was_overtaken_brings_no_older_owner_back() -> None:
    log = Log()
    log.store.put(versioned(8, owner=""))
    log.store.begin_full_list()
    log.store.put(versioned(10, owner="new"))
    log.store.end_full_list([versioned(9, owner="old")])
    assert log.state[A].owner == "new"


def test_after_a_restore_from_a_backup_the_list_is_right_though_its_versions_are_lower() -> None:
    log = Log()
    log.store.put(versioned(1000, generation=5, owner="new"))
    log.store.begin_full_list()
    log.store.end_full_list([versioned(7, generation=2, owner="old")])
    log.store.put(versioned(9, generation=3, owner="other"))
    assert log.state[A].owner == "other"
