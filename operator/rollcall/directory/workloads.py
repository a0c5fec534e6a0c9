"""The workloads that are known, and how they hang together: by controller, target, and labels of pods."""

from collections import defaultdict
from collections.abc import Collection, Iterator

from rollcall.model import Deployment, FlaggerCanary, Follow, Key, ReplicaSet, Rollout, Workload

from .index import LabelIndex

Pods = tuple[Follow, Key, dict[str, str]]
"""The kind of what makes pods, its name, and the labels that they get."""


class Workloads:
    """Deployments, ReplicaSets, Rollouts and Canaries; a change costs what it touches."""

    def __init__(self) -> None:
        self._known: dict[type[Workload], dict[Key, Workload]] = {
            kind: {} for kind in (Deployment, ReplicaSet, Rollout, FlaggerCanary)
        }
        self._by_uid: dict[str, Workload] = {}
        self._owned: defaultdict[str, dict[tuple[type[Workload], Key], Workload]] = defaultdict(dict)
        self._steered: defaultdict[Key, dict[Key, FlaggerCanary]] = defaultdict(dict)
        self._labels = {Follow.DEPLOYMENT: LabelIndex(), Follow.ROLLOUT: LabelIndex()}

    def get(self, kind: type[Workload], key: Key) -> Workload | None:
        """Return a workload, None where it isn't known."""
        return self._known[kind].get(key)

    def put(self, workload: Workload) -> None:
        """Add or replace a workload."""
        kind, key = type(workload), workload.key
        self.discard(kind, key)
        self._known[kind][key] = self._by_uid[workload.uid] = workload
        match workload:
            case Deployment():
                self._owned[workload.owner][kind, key] = workload
                self._labels[Follow.DEPLOYMENT].put(key, workload.labels)
            case ReplicaSet():
                self._owned[workload.owner][kind, key] = workload
            case Rollout():
                self._labels[Follow.ROLLOUT].put(key, workload.labels)
            case FlaggerCanary():
                self._steered[_target(workload)][key] = workload

    def discard(self, kind: type[Workload], key: Key) -> None:
        """Remove a workload, if it is there."""
        workload = self._known[kind].pop(key, None)
        if workload is None:
            return
        self._by_uid.pop(workload.uid, None)
        match workload:
            case Deployment():
                self._disown(workload.owner, kind, key)
                self._labels[Follow.DEPLOYMENT].discard(key)
            case ReplicaSet():
                self._disown(workload.owner, kind, key)
            case Rollout():
                self._labels[Follow.ROLLOUT].discard(key)
            case FlaggerCanary():
                target = _target(workload)
                del self._steered[target][key]
                if not self._steered[target]:
                    del self._steered[target]

    def _disown(self, owner: str, kind: type[Workload], key: Key) -> None:
        owned = self._owned[owner]
        del owned[kind, key]
        if not owned:
            del self._owned[owner]

    def set_selector(self, service: Key, follow: Follow, selector: dict[str, str] | None) -> None:
        """Set which pods a service has, among those that a kind of roll-out makes; None: none."""
        self._labels[follow].set_selector(service, selector)

    def deployments(self, service: Key) -> list[Deployment]:
        """Return the Deployments whose pods the selector of a service picks, by name."""
        keys = sorted(self._labels[Follow.DEPLOYMENT].selected_by(service))
        found = (self._known[Deployment].get(key) for key in keys)
        return [each for each in found if isinstance(each, Deployment)]

    def rollouts(self, service: Key) -> list[Rollout]:
        """Return the Rollouts whose pods the selector of a service picks, by name."""
        keys = sorted(self._labels[Follow.ROLLOUT].selected_by(service))
        found = (self._known[Rollout].get(key) for key in keys)
        return [each for each in found if isinstance(each, Rollout)]

    def replica_sets(self, deployment: Deployment) -> list[ReplicaSet]:
        """Return the ReplicaSets that a Deployment controls."""
        return [each for each in self._owned_by(deployment.uid) if isinstance(each, ReplicaSet)]

    def canary_of(self, deployment: Deployment) -> FlaggerCanary | None:
        """Return the Canary that steers a Deployment, the first by name; None where Flagger doesn't."""
        steering = self._steered.get(deployment.key)
        return steering[min(steering)] if steering else None

    def primary_of(self, canary: FlaggerCanary) -> Deployment | None:
        """Return the Deployment that Flagger has made of the target of a Canary, and controls."""
        made = (each for each in self._owned_by(canary.uid) if isinstance(each, Deployment))
        return min(made, key=_key, default=None)

    def target_of(self, primary: Deployment) -> Key | None:
        """Return the Deployment that a primary of Flagger stands for, None where it is not a primary."""
        canary = self._by_uid.get(primary.owner) if primary.owner else None
        return _target(canary) if isinstance(canary, FlaggerCanary) and canary.target else None

    def concerned(self, workload: Workload) -> Iterator[Pods]:
        """Yield what makes pods that a workload has a say in: decide again on those who follow it."""
        match workload:
            case Rollout():
                yield Follow.ROLLOUT, workload.key, workload.labels
            case Deployment():
                yield Follow.DEPLOYMENT, workload.key, workload.labels
                if (target := self.target_of(workload)) is not None:
                    yield from self._pods_of(target)
            case ReplicaSet():
                if isinstance(owner := self._by_uid.get(workload.owner), Deployment):
                    yield Follow.DEPLOYMENT, owner.key, owner.labels
            case FlaggerCanary():
                yield from self._pods_of(_target(workload))
                if (primary := self.primary_of(workload)) is not None:
                    yield Follow.DEPLOYMENT, primary.key, primary.labels

    def _owned_by(self, uid: str) -> Collection[Workload]:
        return self._owned[uid].values() if uid in self._owned else ()

    def _pods_of(self, key: Key) -> Iterator[Pods]:
        if isinstance(deployment := self._known[Deployment].get(key), Deployment):
            yield Follow.DEPLOYMENT, key, deployment.labels


def _target(canary: FlaggerCanary) -> Key:
    return Key(canary.key.namespace, canary.target)


def _key(workload: Workload) -> Key:
    return workload.key
