"""Merge patches: what is sent, and that the API server makes of it what was meant."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.status.merge_patch import merge_patch
from unit.status.fake_api import merged

_VALUES = st.recursive(
    st.booleans() | st.integers(0, 3) | st.sampled_from("ab") | st.lists(st.integers(0, 2), max_size=2),
    lambda values: st.dictionaries(st.sampled_from("xyz"), values, max_size=3),
    max_leaves=8,
)
_OBJECTS = st.dictionaries(st.sampled_from("xyz"), _VALUES, max_size=3)


@pytest.mark.parametrize(
    ("current", "wanted", "patch"),
    [
        ({}, {}, {}),
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": 1}, {}, {"a": None}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, {"a": {"c": None}}),
        ({"a": [1, 2]}, {"a": [1]}, {"a": [1]}),
        ({"a": 1}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": {"b": 1}}, {"a": {}}, {"a": {"b": None}}),
        ({}, {"a": {}}, {"a": {}}),
    ],
)
def test_patches(current: dict[str, Any], wanted: dict[str, Any], patch: dict[str, Any]) -> None:
    assert merge_patch(current, wanted) == patch


@given(_OBJECTS, _OBJECTS)
def test_the_patch_leads_from_one_to_the_other(current: dict[str, Any], wanted: dict[str, Any]) -> None:
    patch = merge_patch(current, wanted)
    assert merged(current, patch) == wanted
    assert (patch == {}) is (current == wanted)
