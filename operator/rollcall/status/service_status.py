"""The status of a ServiceInstance: what Rollcall sees of a service, and where it is published. Pure."""

from collections.abc import Iterable, Mapping

import msgspec

from rollcall.directory import Entry
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
    ServicePublication,
    rfc3339,
    unix_seconds,
)
from rollcall.model.status import ENDPOINTS_AVAILABLE, FALSE, SERVE, TRUE
from rollcall.model.wording import abridged, share
from rollcall.propagation.answered import AnsweredVersion, AnsweredVersions
from rollcall.zone import PublishedName, Zones
from rollcall.zone.names import to_text
from rollcall.zone.serial import is_newer

from .conditions import headline, merged, ready, reconciling, stalled
from .release_status import release_status, released_condition

MAX_INSTANCES = 1000
MAX_BYTES = 768 << 10
"""Of the list of instances, as JSON. An object may have 1.5 MiB in etcd; 1,000 instances of a service with
many ports would be more."""

_MAX_ADDRESSES = 16
_MAX_PORTS = 256
_MAX_NAMED = 3
_MESSAGE_LIMIT = 1024


def service_status(
    entry: Entry,
    zones: Zones,
    answered: AnsweredVersions,
    current: InstanceStatus,
    *,
    changed_at: float | None,
    now: float,
) -> InstanceStatus:
    """Return the status of a service that has a ServiceInstance.

    `current` is the status that the API server holds: times of what is still as it was are taken from there.
    `changed_at` (Unix seconds) is when the set of answered instances changed, None where that has not been
    seen since this process started. `now` is the time, in Unix seconds.
    """
    draining = _Draining(entry.spec.drain.seconds, current, now)
    instances, truncated = _instances(entry.instances.values(), draining)
    published = [
        (publication, version)
        for publication in zones.published_names(entry.key)
        if (version := _version(publication, zones, answered)) is not None
    ]
    selecting = zones.selecting(entry.key)
    conditions = _published_as_asked(entry, zones, [publication for publication, _ in published], selecting)
    conditions.append(_endpoints_available(entry))
    release = release_status(entry, current.release, now)
    conditions += released_condition(entry, release)
    is_as_before = (entry.generation, instances) == (current.observed_generation, current.instances)
    return InstanceStatus(
        observed_generation=entry.generation,
        dns_name=to_text(published[0][0].name) if published else "",
        ready=f"{entry.counts.eligible}/{entry.counts.total}",
        targets=f"{len(published)}/{selecting}",
        reason=headline(conditions),
        counts=entry.counts,
        left_out=entry.left_out(),
        release=release,
        publications=tuple(
            _publication(publication, version, current, is_as_before=is_as_before)
            for publication, version in published
        ),
        instances=instances,
        truncated=truncated,
        last_change_time=_last_change(entry.counts, instances, current, changed_at, now),
        conditions=merged(conditions, current, entry.generation, now),
    )


def _published_as_asked(
    entry: Entry, zones: Zones, published: list[PublishedName], selecting: int
) -> list[Condition]:
    if entry.problem:
        return stalled(entry.problem)
    problems = _unknown_zones(entry, zones) + zones.service_problems(entry.key)
    told = " ".join(dict.fromkeys(problem.message for problem in problems))
    is_everywhere = len(published) == selecting
    if problems and (not is_everywhere or problems[0].reason == "ZoneNotFound"):
        return stalled(Problem(problems[0].reason, told))
    if not is_everywhere:
        return reconciling(
            "Publishing", f"On its way to {share(selecting - len(published), selecting, 'zone')}."
        )
    if problems:
        return ready(problems[0].reason, told)
    if contested := _contested(entry):
        return ready("HostnameCollision", contested)
    if mistakes := _mistakes(entry):
        return ready("InvalidAnnotation", mistakes)
    if not published:
        which = "none of the zones in spec.zones" if entry.spec.zones else "no DiscoveryZone"
        return ready("NoZone", f"It has no name in DNS, for {which} selects it.")
    if cut := _cut(zones.cut(entry.key)):
        return ready("AnswerCut", cut)
    names = ", ".join(to_text(publication.name) for publication in published)
    return ready("Published", f"{_share(entry.counts)} answered as {names}.")


def _cut(names: Mapping[bytes, tuple[int, int]]) -> str:
    """Tell which answers don't hold all that they are to hold, "" where each does."""
    if not names:
        return ""
    owner, (most, size) = max(names.items(), key=lambda item: (item[1][1], item[0]))
    more = f" So it is with {len(names) - 1} more of its names." if len(names) > 1 else ""
    return (
        f"An answer of {to_text(owner)} holds {most} of its {size} records, the same ones for everybody until"
        f" they change: raise spec.answer.max for those who take it for the whole.{more}"
    )


def _unknown_zones(entry: Entry, zones: Zones) -> list[Problem]:
    unknown = sorted(set(entry.spec.zones).difference(zones.names()))
    if not unknown:
        return []
    message = f"spec.zones names what is no DiscoveryZone: {', '.join(unknown)}. See `kubectl get dz`."
    return [Problem("ZoneNotFound", message)]


def _contested(entry: Entry) -> str:
    """Tell which hostnames several instances would have, "" where none is."""
    found = sorted(entry.instance_labels.contested())
    if not found:
        return ""
    hostname, pods = found[0]
    names = sorted(pod.name for pod in pods)
    which = abridged(names[:_MAX_NAMED], len(names))
    more = f" So it is with {len(found) - 1} more hostnames." if len(found) > 1 else ""
    return (
        f"The hostname {hostname} is that of {len(pods)} instances ({which}): none of them has it as its"
        " name, each is named by its address. Give each pod a hostname of its own, as a"
        f" StatefulSet does, or leave spec.hostname out.{more}"
    )


def _mistakes(entry: Entry) -> str:
    """Tell what is wrong with annotations of pods, "" where nothing is."""
    wrong = sorted((i.pod, i.mistake) for i in entry.instances.values() if i.mistake)
    if not wrong:
        return ""
    pod, mistake = wrong[0]
    more = f" So it is with {len(wrong) - 1} more of its pods." if len(wrong) > 1 else ""
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
        message=instance.message[:_MESSAGE_LIMIT],
        draining_since=since,
        draining_until=until,
        endpoint_slice=instance.slice,
    )


def _version(publication: PublishedName, zones: Zones, answered: AnsweredVersions) -> AnsweredVersion | None:
    served = zones.get(publication.zone)
    return answered.get(served.domain) if served else None


def _publication(
    publication: PublishedName, version: AnsweredVersion, current: InstanceStatus, *, is_as_before: bool
) -> ServicePublication:
    """Say where a service is published, and since which version of the zone it is as it is."""
    name = to_text(publication.name)
    serial, time = publication.serial, rfc3339(version.at)
    for before in current.publications:
        if (before.zone, before.target, before.dns_name) != (publication.zone, SERVE, name):
            continue
        # The first version of a process has every service in it; those that didn't change while no process
        # ran keep the serial from before.
        unknown_since = (
            is_as_before and serial == version.first_serial and not is_newer(before.serial, serial)
        )
        if (before.serial == serial or unknown_since) and before.time:
            serial, time = before.serial, before.time
    return ServicePublication(publication.zone, SERVE, name, serial, time)


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
