"""Which pods a service selects, found without a look at all of them, and without what nobody asks for."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from rollcall.directory.index import LabelIndex
from rollcall.model import Key
from unit.world import World, pod, service

NAMES = ("app", "tier", "release")
VALUES = ("a", "b")
some_labels = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES))
objects = st.builds(Key, st.sampled_from(("shop", "blog")), st.sampled_from("xyz"))


@given(
    st.lists(
        st.tuples(st.sampled_from(("put", "discard", "select")), objects, some_labels | st.none()),
        max_size=25,
    )
)
def test_whatever_comes_in_whatever_order_a_selector_picks_what_has_its_labels(
    events: list[tuple[str, Key, dict[str, str] | None]],
) -> None:
    index = LabelIndex()
    labels: dict[Key, dict[str, str]] = {}
    selectors: dict[Key, dict[str, str]] = {}
    for what, key, given_labels in events:
        if what == "select":
            index.set_selector(key, given_labels)
            selectors[key] = given_labels or {}
        elif what == "put":
            index.put(key, given_labels or {})
            labels[key] = given_labels or {}
        else:
            index.discard(key)
            labels.pop(key, None)
        for service_key, selector in selectors.items():
            assert sorted(index.selected_by(service_key)) == sorted(
                each
                for each, has in labels.items()
                if selector and each.namespace == service_key.namespace and selector.items() <= has.items()
            )


def test_labels_that_no_selector_names_cost_nothing() -> None:
    """A pod can have some ten thousand of them, all of its own."""
    world = World(service())
    pods = [
        pod(f"web-{i}", f"10.0.0.{i}", labels={"app": "web"} | {f"own-{i}-{j}": "" for j in range(2000)})
        for i in range(1, 21)
    ]
    tracemalloc.start()
    try:
        world.put(*pods)
        octets, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    entry = world.directory.get(Key("shop", "web"))
    assert entry is not None
    assert entry.counts.eligible == 20
    assert octets < 1_000_000, "40,000 labels"


def test_what_a_selector_has_named_is_forgotten_with_it() -> None:
    """A user can give a Service ever other selectors."""
    index = LabelIndex()
    for i in range(20):
        index.put(Key("shop", f"web-{i}"), {f"label-{j}": "a" for j in range(200)})

    def octets_after(labels: range) -> int:
        for i in labels:
            index.set_selector(Key("shop", "web"), {f"label-{i}": "a"})
            assert len(index.selected_by(Key("shop", "web"))) == 20
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = octets_after(range(10))
        after = octets_after(range(10, 200))
    finally:
        tracemalloc.stop()
    assert after - before < 20_000, "of one label it is some two thousand"
