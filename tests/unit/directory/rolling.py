"""Pods, ReplicaSets and what makes them, as their controllers would, for the tests of followers."""

from typing import Any

from rollcall.directory import Directory, Entry
from rollcall.model import Deployment, FlaggerCanary, Follow, Key, Pod, ReplicaSet, Rollout, Strategy
from unit.world import pod, service

WEB = Key("shop", "web")
PODS = {"app": "web"}


def deployment(revision: int, name: str = "web", **fields: Any) -> Deployment:
    """Make a Deployment with pods of app=web."""
    usual = {"labels": PODS, "selector": PODS}
    return Deployment(Key("shop", name), f"uid-{name}", revision=revision, **(usual | fields))


def replica_set(version: str, revision: int, replicas: int = 3, owner: str = "web") -> ReplicaSet:
    """Make a ReplicaSet of a Deployment."""
    key = Key("shop", f"{owner}-{version}")
    return ReplicaSet(key, f"uid-{key.name}", f"uid-{owner}", version, revision, replicas)


def rollout(name: str = "web", **fields: Any) -> Rollout:
    """Make a Rollout with pods of app=web, a canary release of `b` after `a`."""
    usual: dict[str, Any] = {"labels": PODS, "strategy": Strategy.CANARY, "stable": "a", "current": "b"}
    return Rollout(Key("shop", name), f"uid-rollout-{name}", **(usual | fields))


def flagger_canary(weight: int = 0, target: str = "web") -> FlaggerCanary:
    """Make a Canary."""
    return FlaggerCanary(Key("shop", "web"), "uid-canary", target, weight)


def of(version: str, number: int = 0, *, label: str = "pod-template-hash", **fields: Any) -> Pod:
    """Make a ready pod of a version."""
    name = f"web-{version}-{number}"
    address = f"10.0.{sum(version.encode()) % 250}.{number}"
    return pod(name, address, labels={**PODS, label: version}, **fields)


def known(follow: Follow = Follow.DEPLOYMENT, **options: Any) -> Directory:
    """Make a directory with the Service web, with no workload yet of a kind that is known."""
    made = Directory(**options)
    made.set_slices_problem(None)
    made.apply_service(service())
    made.set_follow_problem(follow, None)
    return made


def entry(made: Directory) -> Entry:
    """Decide, and return the service web."""
    made.take_changes()
    found = made.get(WEB)
    assert found is not None
    return found


def answered(made: Directory) -> dict[str, int]:
    """Decide, and return the versions that are answered, each with its part in percent."""
    found = entry(made)
    eligible = [each for each in found.instances.values() if each.eligible]
    total = sum(each.weight for each in eligible)
    shares: dict[str, int] = {}
    for each in eligible:
        shares[each.version] = shares.get(each.version, 0) + each.weight
    return {version: round(100 * weight / total) for version, weight in shares.items()}
