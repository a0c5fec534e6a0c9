"""The status of a ServiceInstance: what Rollcall sees of a service, and where it is published. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from rollcall.directory import Entry
from rollcall.directory.entry import QUOTA_EXCEEDED
from rollcall.model import (
    Condition,
    Counts,
    Instance,
    InstanceStatus,
    Key,
    ListedInstance,
    ListedPort,
    Problem,
    Reason,
    rfc3339,
    unix_seconds,
)
from rollcall.model.state import state_of_conditions
from rollcall.model.status import ENDPOINTS_AVAILABLE, FALSE, READY, TRUE
from rollcall.model.wording import abridged, counted, likewise, share
from rollcall.propagation.answered import AnsweredVersions
from rollcall.propagation.targets import TargetStates
from rollcall.zone import Zones
from rollcall.zone.names import to_text
from rollcall.zone.served import ServedZone

from .conditions import DETAIL_LIMIT, merged, ready, reconciling, stalled
from .release_status import release_status, released_condition
from .service_places import NAMED_PLACES, ServicePlaces, places_text

MAX_INSTANCES = 1000
MAX_BYTES = 768 << 10
"""Of the list of instances, as JSON. An object may have 1.5 MiB in etcd; 1,000 instances of a service with
many ports would be more."""

_MAX_ADDRESSES = 16
_MAX_PORTS = 256
_MAX_NAMED = 3


def service_status(
    entry: Entry,
    zones: Zones,
    answered: AnsweredVersions,
    targets: TargetStates,
    current: InstanceStatus,
    *,
    changed_at: float | None,
    now: float,
) -> InstanceStatus:
    """Return the status of a service that has a ServiceInstance.

    `current` is the status that the API server holds: times of what is still as it was are taken from there.
    `changed_at` (Unix seconds) is when the set of answered instances changed, None where that has not been
    seen since this process started. `targets` are the states of all targets but for our own server. `now` is
    the time, in Unix seconds.
    """
    draining = _Draining(entry.spec.drain.seconds, current, now)
    instances, truncated = _instances(entry.instances.values(), draining)
    is_as_before = (entry.generation, instances) == (current.observed_generation, current.instances)
    places = ServicePlaces(
        zones.selecting(entry.key),
        zones.published_names(entry.key),
        answered,
        targets,
        current,
        is_as_before=is_as_before,
    )
    conditions = _published_as_asked(entry, zones, places, targets)
    conditions.append(_endpoints_available(entry))
    release = release_status(entry, current.release, now)
    conditions += released_condition(entry, release)
    names = places.names()
    return InstanceStatus(
        observed_generation=entry.generation,
        dns_name=names[0] if names else "",
        ready=f"{entry.counts.eligible}/{entry.counts.total}",
        targets=places.fraction(),
        reason=state_of_conditions(conditions).word,
        counts=entry.counts,
        left_out=entry.left_out(),
        release=release,
        publications=places.publications(),
        instances=instances,
        truncated=truncated,
        last_change_time=_last_change(entry.counts, instances, current, changed_at, now),
        conditions=merged(conditions, current, entry.generation, now),
    )


def _published_as_asked(
    entry: Entry, zones: Zones, places: ServicePlaces, targets: TargetStates
) -> list[Condition]:
    if entry.problem:
        return stalled(entry.problem)
    problems = _unknown_zones(entry, zones) + zones.service_problems(entry.key)
    told = " ".join(dict.fromkeys(problem.message for problem in problems))
    is_everywhere = not places.missing_zones
    if problems and (not is_everywhere or problems[0].reason == "ZoneNotFound"):
        return stalled(Problem(problems[0].reason, told))
    if not is_everywhere:
        told = share(places.missing_zones, places.zones, "zone")
        return reconciling("Publishing", f"On its way to {told}.")
    if failing := places.failing():
        return [Condition(READY, FALSE, failing[0].reason, places_text(failing))]
    if underway := places.underway():
        return reconciling("Publishing", f"On its way to {underway}.")
    if problems:
        return ready(problems[0].reason, told)
    if passed_over := _passed_over(entry):
        return ready(QUOTA_EXCEEDED, passed_over)
    if contested := _contested(entry):
        return ready("HostnameCollision", contested)
    if mistakes := _mistakes(entry):
        return ready("InvalidAnnotation", mistakes)
    names = ", ".join(places.names())
    if not names:
        which = "none of the zones in spec.zones" if entry.spec.zones else "no DiscoveryZone"
        return ready("NoZone", f"It has no name in DNS, for {which} selects it.")
    if cut := [*_cut(zones.cut(entry.key)), *_cut_elsewhere(zones.selecting(entry.key), entry.key, targets)]:
        return ready("AnswerCut", " ".join(cut))
    return ready("Published", f"{_share(entry.counts)} answered as {names}.")


def _cut(names: Mapping[bytes, tuple[int, int]]) -> Iterator[str]:
    """Tell which answers don't hold all that they are to hold, nothing where each does."""
    if not names:
        return
    owner, (most, size) = max(names.items(), key=lambda item: (item[1][1], item[0]))
    more = likewise(len(names), "of its names")
    yield (
        f"An answer of {to_text(owner)} holds {most} of its {counted(size, 'record')}, the same ones for"
        f" everybody until they change: raise spec.answer.max for those who take it for the whole.{more}"
    )


def _cut_elsewhere(selecting: Sequence[ServedZone], key: Key, targets: TargetStates) -> Iterator[str]:
    """Tell which other servers get less than a set, nothing where none does."""
    found: dict[bytes, tuple[int, int]] = {}
    servers: set[str] = set()
    for served in selecting:
        names = targets.names([served.domain])
        if names and (cut := served.cut_elsewhere(key)):
            found |= cut
            servers.update(names)
    if not found:
        return
    owner, (most, size) = max(found.items(), key=lambda item: (item[1][1], item[0]))
    which = abridged(sorted(servers)[:NAMED_PLACES], len(servers))
    more = likewise(len(found), "of its names")
    yield (
        f"Other servers ({which}) get the same {most} of the {counted(size, 'record')} of {to_text(owner)}:"
        f" no set that is published to them is larger.{more}"
    )


def _unknown_zones(entry: Entry, zones: Zones) -> list[Problem]:
    unknown = sorted(set(entry.spec.zones).difference(zones.names()))
    if not unknown:
        return []
    message = f"spec.zones names what is not a DiscoveryZone: {', '.join(unknown)}. See `kubectl get dz`."
    return [Problem("ZoneNotFound", message)]


def _passed_over(entry: Entry) -> str:
    """Tell which pods are left out because too many other services have them, "" where none is."""
    if not entry.passed_over:
        return ""
    first = min(entry.passed_over)
    left_out = counted(len(entry.passed_over), "pod that it selects is", "pods that it selects are")
    return (
        f"{left_out} left out, {first.name} among them: as many older services have it as may have one pod"
        " (the quota servicesPerPod). Delete services that nobody needs, select other pods, or have the"
        " quota raised (rollcall run --services-per-pod, servicesPerPod in the chart)."
    )


def _contested(entry: Entry) -> str:
    """Tell which hostnames several instances would have, "" where none is."""
    found = sorted(entry.instance_labels.contested())
    if not found:
        return ""
    hostname, pods = found[0]
    names = sorted(pod.name for pod in pods)
    which = abridged(names[:_MAX_NAMED], len(names))
    more = likewise(len(found), "of its hostnames")
    return (
        f"The hostname {hostname} is that of {len(pods)} instances ({which}): none of them has it as its"
        " name, each is named by its address. Give each a hostname of its own, as a StatefulSet does with"
        f" spec.hostname of its pods, or none.{more}"
    )


def _mistakes(entry: Entry) -> str:
    """Tell what is wrong with annotations of pods, "" where nothing is."""
    wrong = sorted((i.pod, i.mistake) for i in entry.instances.values() if i.mistake)
    if not wrong:
        return ""
    pod, mistake = wrong[0]
    more = likewise(len(wrong), "of its pods")
    return f"On the pod {pod.name}: {mistake}{more}"


def _endpoints_available(entry: Entry) -> Condition:
    counts = entry.counts
    if counts.eligible:
        return Condition(ENDPOINTS_AVAILABLE, TRUE, "EndpointsAvailable", f"{_share(counts)} answered.")
    if entry.problem:
        return Condition(ENDPOINTS_AVAILABLE, FALSE, entry.problem.reason, entry.problem.message)
    if not counts.total and entry.asks_slices:
        told = "The EndpointSlices of the Service hold no endpoint."
        return Condition(ENDPOINTS_AVAILABLE, FALSE, "NoEndpoints", told)
    if not counts.total:
        if passed_over := _passed_over(entry):
            return Condition(ENDPOINTS_AVAILABLE, FALSE, QUOTA_EXCEEDED, passed_over)
        if entry.ended:
            return Condition(
                ENDPOINTS_AVAILABLE,
                FALSE,
                "NoPods",
                f"Every pod that the selector matches has ended: {_tally(entry)}.",
            )
        selector = ",".join(f"{label}={value}" for label, value in sorted((entry.selector or {}).items()))
        return Condition(ENDPOINTS_AVAILABLE, FALSE, "NoPods", f"No pod matches the selector {selector}.")
    return Condition(
        ENDPOINTS_AVAILABLE,
        FALSE,
        "NoEligibleInstances",
        f"{_share(counts)} answered: {_tally(entry)}. See status.instances.",
    )


def _tally(entry: Entry) -> str:
    return ", ".join(f"{number} {reason}" for reason, number in entry.left_out().items())


def _share(counts: Counts) -> str:
    return share(counts.eligible, counts.total, "instance is", "instances are")


class _Draining:
    """Since when instances have been draining: as long as they have been in the status that is there.

    `seconds` is how long they go on serving; `now` is in Unix seconds.
    """

    def __init__(self, seconds: int, current: InstanceStatus, now: float) -> None:
        self._seconds = seconds
        self._now = now
        self._since = {each.pod: each.draining_since for each in current.instances if each.draining_since}

    def times(self, instance: Instance) -> tuple[str, str]:
        """Return when an instance left the answers, and when it may end; "" for one that is not draining."""
        if instance.reason is not Reason.DRAINING:
            return "", ""
        since = self._since.get(instance.pod.name) or rfc3339(self._now)
        return since, rfc3339(unix_seconds(since) + self._seconds)


def _instances(instances: Iterable[Instance], draining: _Draining) -> tuple[tuple[ListedInstance, ...], bool]:
    """Return the list of instances, and whether it had to be cut.

    Those that are answered come first, then those that may yet be, then those that are on their way out: so a
    cut costs what matters least.
    """
    ordered = sorted(instances, key=_answered_first)
    listed: list[ListedInstance] = []
    size = 0
    for instance in ordered[:MAX_INSTANCES]:
        item = _instance(instance, draining)
        size += len(msgspec.json.encode(item))
        if size > MAX_BYTES:
            break
        listed.append(item)
    return tuple(listed), len(listed) < len(ordered)


def _answered_first(instance: Instance) -> tuple[bool, bool, Key]:
    return not instance.eligible, instance.terminating, instance.pod


def _instance(instance: Instance, draining: _Draining) -> ListedInstance:
    since, until = draining.times(instance)
    return ListedInstance(
        pod=instance.pod.name,
        live=instance.live,
        ready=instance.ready,
        eligible=instance.eligible,
        name=instance.label,
        addresses=tuple(map(str, instance.addresses[:_MAX_ADDRESSES])),
        ports=tuple(
            ListedPort(port.number, port.protocol, port.name) for port in instance.ports[:_MAX_PORTS]
        ),
        node=instance.node,
        zone=instance.zone,
        version=instance.version,
        weight=instance.weight,
        reason=instance.reason.value,
        message=instance.message[:DETAIL_LIMIT],
        draining_since=since,
        draining_until=until,
        endpoint_slice=instance.slice,
    )


def _last_change(
    counts: Counts,
    instances: tuple[ListedInstance, ...],
    current: InstanceStatus,
    changed_at: float | None,
    now: float,
) -> str:
    """Return when the set of answered instances last changed, "" where it has always been empty."""
    if changed_at is not None:
        return max(current.last_change_time, rfc3339(changed_at))
    if _answered(counts, instances) == _answered(current.counts, current.instances):
        return current.last_change_time
    return rfc3339(now)


def _answered(
    counts: Counts, instances: tuple[ListedInstance, ...]
) -> tuple[int, frozenset[tuple[str, ...]]]:
    """Return the set of answered instances, as far as the list in a status tells."""
    return counts.eligible, frozenset((each.pod, *each.addresses) for each in instances if each.eligible)
