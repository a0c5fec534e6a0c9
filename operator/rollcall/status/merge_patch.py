"""JSON merge patches (RFC 7396)."""

from collections.abc import Mapping
from typing import Any


def merge_patch(current: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the patch that makes an object of another: null removes a member, lists are replaced whole.

    It is empty where they are equal. `wanted` must not hold None: a merge patch can't write it.
    """
    patch: dict[str, Any] = {field: None for field in current if field not in wanted}
    for field, value in wanted.items():
        before = current.get(field)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            if inner := merge_patch(before, value):
                patch[field] = inner
        elif field not in current or before != value:
            patch[field] = value
    return patch
