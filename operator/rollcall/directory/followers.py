"""Which services follow a roll-out, and what each of them finds there."""

from collections import Counter
from collections.abc import Iterator

from rollcall.model import Follow, Key, Problem, Release, Workload
from rollcall.model.wording import abridged

from .follow import Followed, FollowReason
from .follow_deployment import of_deployment, of_flagger
from .follow_rollout import of_rollout
from .index import SelectorIndex
from .workloads import Workloads

PENDING = Problem(
    FollowReason.PENDING, "What rolls the pods out has not been listed yet, which takes a moment."
)
"""What is said of every kind of roll-out until its workloads have been applied."""

_MAX_NAMED = 5


class Followers:
    """The services that follow something, found by the labels of the pods that it makes.

    `problems` says of each kind of roll-out why nothing is known of it, None once it is.
    """

    def __init__(self) -> None:
        self.problems: dict[Follow, Problem | None] = dict.fromkeys(Follow, PENDING)
        self._workloads = Workloads()
        self._selectors = {follow: SelectorIndex() for follow in Follow}
        self._follows: dict[Key, Follow] = {}
        self._counts: Counter[Follow] = Counter()

    @property
    def kinds(self) -> frozenset[Follow]:
        """The kinds of roll-out that at least one service follows."""
        return frozenset(follow for follow in Follow if self._counts[follow])

    def of(self, follow: Follow) -> list[Key]:
        """Return the services that follow a kind of roll-out."""
        return [key for key, each in self._follows.items() if each is follow]

    def put(self, key: Key, follow: Follow | None, selector: dict[str, str] | None) -> None:
        """Set what a service follows, and which pods it has; None: nothing."""
        before = self._follows.pop(key, None)
        if before is not None:
            self._selectors[before].put(key, None)
            self._counts[before] -= 1
            if before is not follow:
                self._workloads.set_selector(key, before, None)
        if follow is not None:
            self._follows[key] = follow
            self._counts[follow] += 1
            self._selectors[follow].put(key, selector)
            self._workloads.set_selector(key, follow, selector)

    def apply_workload(self, workload: Workload) -> set[Key]:
        """Add or replace a workload; return the services to which it may matter."""
        before = self._workloads.get(type(workload), workload.key)
        touched = self._touched(before) if before is not None else set()
        self._workloads.put(workload)
        return touched | self._touched(workload)

    def remove(self, kind: type[Workload], key: Key) -> set[Key]:
        """Forget a workload; return the services to which it may matter."""
        before = self._workloads.get(kind, key)
        if before is None:
            return set()
        touched = self._touched(before)
        self._workloads.discard(kind, key)
        return touched

    def find(self, key: Key, ask: Release, selector: dict[str, str] | None) -> Followed | Problem:
        """Return what the roll-out asks for that a service follows, or why there is none to follow."""
        assert ask.follow is not None
        if (problem := self.problems[ask.follow]) is not None:
            return problem
        if ask.follow is Follow.DEPLOYMENT:
            return self._deployment(key, ask, selector or {})
        found = self._workloads.rollouts(key)
        if len(found) == 1:
            return of_rollout(found[0])
        return _not_one(Follow.ROLLOUT, [each.key.name for each in found], selector or {})

    def _deployment(self, key: Key, ask: Release, selector: dict[str, str]) -> Followed | Problem:
        known = self._workloads
        matching = {each.key: each for each in known.deployments(key)}
        # Flagger's copy of a Deployment is not a second one.
        found = [each for each in matching.values() if known.target_of(each) not in matching]
        if len(found) != 1:
            return _not_one(Follow.DEPLOYMENT, [each.key.name for each in found], selector)
        deployment = found[0]
        if (canary := known.canary_of(deployment)) is not None:
            primary = known.primary_of(canary)
            covered = primary is not None and primary.key in matching
            return of_flagger(ask, canary, deployment, primary, covered=covered)
        return of_deployment(ask, deployment, known.replica_sets(deployment))

    def _touched(self, workload: Workload) -> set[Key]:
        return {service for pods in self._workloads.concerned(workload) for service in self._by(*pods)}

    def _by(self, follow: Follow, key: Key, labels: dict[str, str]) -> Iterator[Key]:
        return self._selectors[follow].matching(key.namespace, labels)


def _not_one(follow: Follow, names: list[str], selector: dict[str, str]) -> Problem:
    """Say that a service selects the pods of none, or of several."""
    if not selector:
        return Problem(
            FollowReason.NOT_FOUND,
            "The service has no selector, and so no pods: set spec.selector, or remove spec.release.follow.",
        )
    labels = ",".join(f"{label}={value}" for label, value in sorted(selector.items()))
    if not names:
        return Problem(
            FollowReason.NOT_FOUND,
            f"There is no {follow} whose pods the selector {labels} picks: create it, correct the selector,"
            " or remove spec.release.follow.",
        )
    several = abridged(names[:_MAX_NAMED], len(names))
    return Problem(
        FollowReason.AMBIGUOUS,
        f"The selector {labels} picks the pods of several {follow}s ({several}):"
        " set spec.selector to labels that only one of them has.",
    )
