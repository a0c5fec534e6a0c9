"""Lists in messages."""

from rollcall.model.wording import abridged


def test_a_long_list_says_how_many_it_leaves_out() -> None:
    assert abridged(["a", "b"], 2) == "a, b"
    assert abridged(["a", "b"], 3) == "a, b and 1 more"
    assert abridged(["a"], 1001) == "a and 1000 more"
