"""The rights that the operator needs: those that the chart grants, and a test compares the two."""

from collections.abc import Iterator
from typing import NamedTuple


class Right(NamedTuple):
    """One verb on one resource. `group` is "" for core; a subresource is part of `resource`."""

    group: str
    resource: str
    verb: str
    namespaced: bool

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}" + (f".{self.group}" if self.group else "")


_OURS = "rollcall.dev"

_NAMESPACED = (
    ("", ("pods", "services"), ("list", "watch")),
    (_OURS, ("serviceinstances",), ("create", "list", "watch")),
    (_OURS, ("discoveryfiles",), ("list", "watch")),
    (_OURS, ("discoveryfiles/status", "serviceinstances/status"), ("get", "patch")),
    ("", ("configmaps",), ("create", "get", "update")),
)
_CLUSTER = (
    (_OURS, ("discoveryzones",), ("list", "watch")),
    (_OURS, ("discoveryzones/status",), ("get", "patch")),
    ("", ("events",), ("create",)),
)


def rights() -> Iterator[Right]:
    """Yield every right that the operator uses."""
    for namespaced, rules in ((True, _NAMESPACED), (False, _CLUSTER)):
        for group, resources, verbs in rules:
            for resource in resources:
                for verb in verbs:
                    yield Right(group, resource, verb, namespaced)
