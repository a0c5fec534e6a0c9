"""The rights that the operator needs: those that the chart grants, and a test compares the two."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

from rollcall.model.keys import API_GROUP

Scope = Literal["namespaced", "files", "own", "cluster"]
"""Where a right is needed: in the namespaces that are watched, in those of them that have files, in the
operator's own, in none."""


class Right(NamedTuple):
    """One verb on one resource. `group` is "" for core; a subresource is part of `resource`."""

    group: str
    resource: str
    verb: str
    scope: Scope

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}" + (f".{self.group}" if self.group else "")


_RULES: dict[Scope, tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]] = {
    "namespaced": (
        ("", ("pods", "services"), ("list", "watch")),
        (API_GROUP, ("serviceinstances",), ("create", "delete", "list", "patch", "watch")),
        (API_GROUP, ("discoveryfiles",), ("list", "watch")),
        (API_GROUP, ("discoveryfiles/status", "serviceinstances/status"), ("get", "patch")),
        ("", ("configmaps",), ("list", "watch")),
        ("apps", ("deployments", "replicasets"), ("list", "watch")),
        ("argoproj.io", ("rollouts",), ("list", "watch")),
        ("flagger.app", ("canaries",), ("list", "watch")),
        ("discovery.k8s.io", ("endpointslices",), ("list", "watch")),
    ),
    "files": (("", ("configmaps",), ("create", "get", "update")),),
    "own": (
        ("coordination.k8s.io", ("leases",), ("create", "get", "patch")),
        ("", ("secrets",), ("list", "watch")),
    ),
    "cluster": (
        (API_GROUP, ("discoveryzones",), ("list", "watch")),
        (API_GROUP, ("discoveryzones/status",), ("get", "patch")),
        ("", ("events",), ("create",)),
    ),
}

PUBLICATION_GATE = Right("", "pods/status", "patch", "namespaced")
"""What `run --publication-gate` needs besides."""


def rights() -> Iterator[Right]:
    """Yield every right that the operator uses in any case."""
    for scope, rules in _RULES.items():
        for group, resources, verbs in rules:
            for resource in resources:
                for verb in verbs:
                    yield Right(group, resource, verb, scope)


def summed_up(given: Iterable[Right], places: Mapping[Scope, str]) -> Iterator[str]:
    """Write rights as the rules of a role would, a line each: `list, watch pods, services in all namespaces`.

    `places` says where a scope is; what is in no namespace has none.
    """
    verbs: dict[tuple[Scope, str, str], list[str]] = {}
    for right in given:
        verbs.setdefault((right.scope, right.group, right.resource), []).append(right.verb)
    rules: dict[tuple[Scope, str, str], list[str]] = {}
    for (scope, group, resource), allowed in verbs.items():
        rules.setdefault((scope, group, ", ".join(allowed)), []).append(resource)
    for (scope, group, listed), resources in rules.items():
        named = ", ".join(f"{resource}.{group}" if group else resource for resource in resources)
        yield " ".join(filter(None, (listed, named, places.get(scope, ""))))
