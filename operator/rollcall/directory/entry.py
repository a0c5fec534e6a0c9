"""One service in the directory."""

from collections import Counter
from collections.abc import Iterable

from rollcall.model import (
    Counts,
    Instance,
    InstanceSpec,
    IPFamily,
    Key,
    Members,
    Problem,
    Reason,
    Release,
    Released,
    Seniority,
    Service,
    ServiceInstance,
    ServicePort,
    Strategy,
    version_to_label,
)

from .eligibility import Criteria
from .endpoints import API_SERVER
from .follow import VERSION_LABELS, Followed, FollowReason
from .labels import Labels

QUOTA_EXCEEDED = "QuotaExceeded"
"""Why pods are left out that are instances of too many services."""

_NO_SPEC = InstanceSpec()


class Entry:
    """What is known of one service: its Service, its ServiceInstance, its instances by pod.

    Read it freely; only the directory changes it. `versions` counts the available instances of each version.
    `judged` are the instances before a release has its say; the same mapping as `instances` where there is
    none. `versions_of_label` counts the versions that would have a DNS label, and `colliding_versions` are
    the labels that more than one would have. `released` is the release in force, None until the directory's
    changes have been taken once, and `release_problem` why it isn't the one that is asked for. `followed` is
    what the roll-out asks for that it follows, or why that isn't known; None where it follows none.
    `answered` are the versions that have the answers, each with its part in percent; None: all of them.
    `judged_by` is what the instances were judged by. `instance_labels` says which of them has which name.
    `coming` counts, by version, the instances that are on their way to be available. `ended` are pods that
    the selector matches and that have run to their end, or failed: they are not instances. `passed_over` are
    pods that it selects and that as many older services have as may have one. `seniority` is its place among
    those.

    Of a Service without a selector: `slices_problem` is why nothing is known of its EndpointSlices, None once
    it is; `has_slices` whether there are any, `slice_ports` the ports in them. `selector_before` is the
    selector that it had, for as long as that isn't known: its pods must go on until something is.
    """

    __slots__ = (
        "answered",
        "asked",
        "colliding_versions",
        "coming",
        "counts",
        "ended",
        "followed",
        "has_slices",
        "instance_labels",
        "instances",
        "is_refused",
        "judged",
        "judged_by",
        "key",
        "passed_over",
        "release_problem",
        "released",
        "resource",
        "selector_before",
        "seniority",
        "service",
        "slice_ports",
        "slices_problem",
        "versions",
        "versions_of_label",
    )

    def __init__(self, key: Key) -> None:
        self.key = key
        self.service: Service | None = None
        self.resource: ServiceInstance | None = None
        self.instances: dict[Key, Instance] = {}
        self.judged = self.instances
        self.judged_by: Criteria | None = None
        self.instance_labels = Labels()
        self.released: Released | None = None
        self.release_problem: Problem | None = None
        self.is_refused = False
        self.followed: Followed | Problem | None = None
        self.asked: Release | None = None
        self.answered: dict[str, int] | None = None
        self.counts = Counts()
        self.ended: dict[Key, Reason] = {}
        self.passed_over: set[Key] = set()
        self.seniority: Seniority = ("", key)
        self.versions: Counter[str] = Counter()
        self.versions_of_label: Counter[str] = Counter()
        self.colliding_versions: frozenset[str] = frozenset()
        self.coming: Counter[str] = Counter()
        self.slices_problem: Problem | None = None
        self.has_slices = False
        self.slice_ports: tuple[ServicePort, ...] = ()
        self.selector_before: dict[str, str] | None = None

    def put(self, pod: Key, after: Instance | None) -> None:
        """Set an instance, or take it away, and count it."""
        before = self.instances.get(pod)
        if after is None:
            del self.instances[pod]
        else:
            self.instances[pod] = after
        old = self.counts
        self.counts = Counts(
            old.total + (after is not None) - (before is not None),
            old.live + _is(after, "live") - _is(before, "live"),
            old.ready + _is(after, "ready") - _is(before, "ready"),
            old.eligible + _is(after, "eligible") - _is(before, "eligible"),
        )

    def count_version(self, before: str, after: str) -> None:
        """Count an available instance that had one version and has another, "" for none."""
        if before and self.versions[before] == 1:
            self._count_label(before, -1)
        if after and after not in self.versions:
            self._count_label(after, 1)
        _move(self.versions, before, after)

    def _count_label(self, version: str, by: int) -> None:
        label = version_to_label(version)
        self.versions_of_label[label] += by
        if not self.versions_of_label[label]:
            del self.versions_of_label[label]
        elif self.versions_of_label[label] == 1 and by < 0:
            self.colliding_versions -= {label}
        elif self.versions_of_label[label] == 2 and by > 0:
            self.colliding_versions |= {label}

    def count_coming(self, before: str, after: str) -> None:
        """Count an instance on its way that had one version and has another, "" for none."""
        _move(self.coming, before, after)

    def awaits_switch(self, version: str) -> bool:
        """Whether a version that is held back is about to have the answers, as far as one can tell.

        That is when a roll-out has asked for it, and pods of it are on their way that may make up the
        number that it lacks; or when what is followed has not been read yet. If none is on its way, a
        roll-out may have to go on before there can be more of them.
        """
        followed = self.followed
        if isinstance(followed, Problem):
            return followed.reason == FollowReason.PENDING
        if followed is None or followed.release.blue_green is None:
            return False
        return followed.release.blue_green.active == version and self.coming[version] > 0

    @property
    def spec(self) -> InstanceSpec:
        """What the user asked for; the defaults where there is no ServiceInstance yet."""
        return self.resource.spec if self.resource else _NO_SPEC

    @property
    def ask(self) -> Release:
        """The release that is asked for: by the user, with the versions of the roll-out that it follows."""
        return self.asked or self.spec.release

    @property
    def before(self) -> Released | None:
        """The release in force, before this process has decided on one that of the status; None without."""
        return self.released or (self.resource.released if self.resource else None)

    @property
    def version_label(self) -> str:
        """The pod label that versions are read from, "" for the usual ones.

        While it isn't known what to follow, it is that of the versions in force: they must go on.
        """
        follow = self.spec.release.follow
        if follow is None:
            return self.spec.release.version_label
        if isinstance(self.followed, Followed):
            return self.followed.version_label
        before = self.before
        if before is not None and before.strategy is not Strategy.NONE:
            return before.version_label
        return VERSION_LABELS[follow]

    @property
    def version_labels(self) -> tuple[str, ...]:
        """The pod labels that may hold the version, the first one that a pod has counts."""
        if self.spec.release.follow is None:
            return self.spec.release.version_labels
        return Release(self.version_label).version_labels

    @property
    def generation(self) -> int:
        """metadata.generation of the ServiceInstance, 0 while there is none."""
        return self.resource.generation if self.resource else 0

    @property
    def created(self) -> str:
        """When this service came to be, RFC 3339: the older of two that claim a name has it."""
        source = self.service or self.resource
        return source.created if source else ""

    @property
    def labels(self) -> dict[str, str]:
        """What zones and files select by: the Service's labels, or the ServiceInstance's without one."""
        source = self.service or self.resource
        return source.labels if source else {}

    @property
    def selector(self) -> dict[str, str] | None:
        """The pod selector in force. A ServiceInstance's own comes before the Service's."""
        if self.spec.selector:
            return self.spec.selector
        if self.service and self.service.type != "ExternalName":
            return self.service.selector or self.selector_before
        return None

    @property
    def asks_slices(self) -> bool:
        """Whether the instances are those of EndpointSlices: the Service has no selector, and none is set."""
        return (
            self.service is not None
            and not self.service.selector
            and self.service.type != "ExternalName"
            and not self.spec.selector
            and (self.key != API_SERVER or self.resource is not None)
        )

    @property
    def ports(self) -> tuple[ServicePort, ...]:
        """The ports in force, in order of declaration."""
        if self.spec.ports or not self.service:
            return self.spec.ports
        return self.service.ports or self.slice_ports

    @property
    def publish_not_ready(self) -> bool:
        """Whether not-ready pods count as ready."""
        asked = self.spec.eligibility.publish_not_ready_addresses
        return asked if asked is not None else bool(self.service and self.service.publish_not_ready)

    @property
    def ip_families(self) -> tuple[IPFamily, ...]:
        """The families of addresses that are published, the first one first; none in it: both."""
        return self.spec.ip_families or (self.service.ip_families if self.service else ())

    @property
    def criteria(self) -> Criteria:
        """What its pods are judged by."""
        eligibility = self.spec.eligibility
        return Criteria(
            service=self.key.name,
            ports=self.ports,
            version_labels=self.version_labels,
            publish_not_ready=self.publish_not_ready,
            instance_names=eligibility.instance_names,
            terminating=eligibility.terminating,
            families=self.ip_families,
        )

    @property
    def problem(self) -> Problem | None:
        """Why there can be no instances at all, or None."""
        if self.selector:
            return None
        if self.service is None:
            return Problem(
                "ServiceNotFound",
                f"There is no Service {self.key}, and spec.selector is not set. This spec stays as it is and"
                " holds again when the Service is back: create the Service, set spec.selector and spec.ports"
                " here, or delete this ServiceInstance.",
            )
        if self.service.type == "ExternalName":
            return Problem(
                "ExternalName",
                f"The Service {self.key} is of type ExternalName, an alias without pods:"
                " point consumers at its target, or set spec.selector here.",
            )
        if self.asks_slices and self.slices_problem is not None:
            return self.slices_problem
        if self.asks_slices and self.has_slices:
            return None
        return Problem(
            "NoSelector",
            f"The Service {self.key} has no selector, and there is no EndpointSlice for it but, at most, one"
            " that a controller of Kubernetes has left, so that nothing belongs to it: create an"
            f" EndpointSlice with the label kubernetes.io/service-name={self.key.name}, or set"
            " spec.selector here, or a selector in the Service.",
        )

    def left_out(self) -> dict[str, int]:
        """Count what is not answered by its reason, pods that have ended among it."""
        reasons = Counter(str(each.reason) for each in self.instances.values() if not each.eligible)
        reasons.update(map(str, self.ended.values()))
        if self.passed_over:
            reasons[QUOTA_EXCEEDED] = len(self.passed_over)
        return dict(sorted(reasons.items()))

    def members(self) -> Members:
        """Return what a file holds of this service."""
        known = self.instances.values()
        return Members(
            self.key,
            self.ports,
            _in_order(instance for instance in known if instance.eligible),
            _in_order(instance for instance in known if instance.reason is Reason.DRAINING),
            self.spec.drain.seconds,
            self.spec.ip_families,
        )


def _move(counter: Counter[str], before: str, after: str) -> None:
    if before:
        counter[before] -= 1
        if not counter[before]:
            del counter[before]
    if after:
        counter[after] += 1


def _is(instance: Instance | None, word: str) -> int:
    return int(instance is not None and getattr(instance, word))


def _in_order(instances: Iterable[Instance]) -> tuple[Instance, ...]:
    return tuple(sorted(instances, key=_by_label))


def _by_label(instance: Instance) -> tuple[str, Key]:
    return instance.label, instance.pod
