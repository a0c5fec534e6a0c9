"""Whether a pod is answered for a service, and if not, why not: one truth table.

The words: a pod is *live* when it has an address and is not being deleted; *ready* when its Ready condition
is True (readiness gates are part of that condition) or its service publishes not-ready addresses; *available*
when it is both and not being drained. Which of the available ones are *eligible* is then a matter of the
service's release. A pod that has ended is not an instance at all.

That is how the EndpointSlice controller of Kubernetes sees it, too: init containers may still run in a pod
that has its address. And a service that publishes not-ready addresses keeps pods that are being deleted until
they are gone, unless its ServiceInstance says otherwise.

A pod under the publication gate becomes ready by being answered. Of such a pod counts what its Ready
condition is made of, but for that gate.
"""

from ipaddress import IPv4Address, IPv6Address

import msgspec

from rollcall.model import (
    Instance,
    InstanceNames,
    InstancePort,
    IPFamily,
    Pod,
    Reason,
    ServicePort,
    Terminating,
)
from rollcall.model.workload import DRAIN_ANNOTATION, WEIGHT_ANNOTATION

from .addresses import read_address
from .labels import address_label, own_hostname

ZONE_LABEL = "topology.kubernetes.io/zone"
DEFAULT_WEIGHT = 100
MAX_WEIGHT = 1000


class Criteria(msgspec.Struct, frozen=True):
    """What a service judges its pods by: all that decides on an instance, but for the pod.

    `service` is its name. Only addresses of the `families` count; without any, all do. The first of the
    `version_labels` that a pod has gives its version.
    """

    service: str
    ports: tuple[ServicePort, ...]
    version_labels: tuple[str, ...]
    publish_not_ready: bool = False
    instance_names: InstanceNames = InstanceNames.ELIGIBLE
    terminating: Terminating | None = None
    families: tuple[IPFamily, ...] = ()

    @property
    def keeps_terminating(self) -> bool:
        """Whether an instance may be answered while it is being deleted."""
        if self.terminating is None:
            return self.publish_not_ready
        return self.terminating is Terminating.KEEP


def judge(pod: Pod, criteria: Criteria, *, publication_gate: bool = False) -> Instance:
    """Make the instance that a pod is for a service; neither a release nor other pods have had their say yet.

    With `publication_gate` a pod that declares that gate doesn't have to be ready before it is answered.
    """
    if publication_gate and pod.gate is not None:
        pod = msgspec.structs.replace(pod, ready=pod.gate.ready, ready_message=pod.gate.message)
    ipv4, ipv6, wrong = _addresses(pod.addresses)
    resolved, unresolved = _ports(pod, criteria.ports)
    weight, weight_mistake = _weight(pod.weight)
    draining, drain_mistake = _drain(pod.drain)
    mistake = " ".join(filter(None, (weight_mistake, drain_mistake)))
    unasked: tuple[IPv4Address | IPv6Address, ...] = ()
    if criteria.families and IPFamily.IPV4 not in criteria.families:
        ipv4, unasked = (), ipv4
    elif criteria.families and IPFamily.IPV6 not in criteria.families:
        ipv6, unasked = (), ipv6
    stays = not pod.deleting or criteria.keeps_terminating
    live = bool(ipv4 or ipv6) and stays
    ready = criteria.publish_not_ready or pod.ready is True
    available = live and ready and not draining
    unanswered = f"Not answered: {', '.join(wrong)}." if wrong else ""
    reason, message = Reason.NONE, " ".join(filter(None, (unresolved, mistake, unanswered)))
    if not (live and ready):
        reason, message = _why_not(pod, wrong, stays=stays, has_address=bool(ipv4 or ipv6), unasked=unasked)
    elif draining:
        reason, message = Reason.DRAINING, f"The annotation {DRAIN_ANNOTATION} takes it out of the answers."
    elif pod.deleting:
        message = " ".join(filter(None, (message, "It is being deleted, and is answered until it is gone.")))
    hostname = own_hostname(pod, criteria.service)
    label = hostname or address_label(ipv4, ipv6)
    return Instance(
        pod=pod.key,
        uid=pod.uid,
        label=label,
        hostname=hostname,
        ipv4=ipv4,
        ipv6=ipv6,
        ports=resolved,
        node=pod.node,
        zone=pod.labels.get(ZONE_LABEL, ""),
        version=next((pod.labels[each] for each in criteria.version_labels if each in pod.labels), ""),
        weight=weight,
        own_weight=weight,
        live=live,
        ready=ready,
        available=available,
        named=bool(label) and (available or (live and criteria.instance_names is InstanceNames.LIVE)),
        eligible=available,
        reason=reason,
        message=message,
        mistake=mistake,
        restarts=pod.restarts,
        terminating=pod.deleting,
        families=criteria.families,
        unasked=unasked,
    )


def _why_not(
    pod: Pod,
    wrong: tuple[str, ...],
    *,
    stays: bool,
    has_address: bool,
    unasked: tuple[IPv4Address | IPv6Address, ...],
) -> tuple[Reason, str]:
    """Name the first obstacle in the order in which a user would have to clear them."""
    if not stays:
        return Reason.DELETING, "The pod is being deleted."
    if pod.phase != "Running":
        if pod.phase == "Pending":
            return Reason.PENDING, "The pod has not started yet."
        return Reason.PHASE_UNKNOWN, f"The pod's phase is {pod.phase!r}: its node may be lost."
    if not has_address and unasked:
        return Reason.NO_ADDRESS, f"ipFamilies leaves out its only address, {unasked[0]}."
    if not has_address and wrong:
        return Reason.INVALID_ADDRESS, f"status.podIPs holds no address to answer: {', '.join(wrong)}."
    if not has_address:
        return Reason.NO_ADDRESS, "The pod has no address yet."
    if pod.ready is None:
        return Reason.READY_MISSING, "The pod has no Ready condition yet."
    return Reason.NOT_READY, pod.ready_message or "The pod's Ready condition is not True."


def _addresses(
    texts: tuple[str, ...],
) -> tuple[tuple[IPv4Address, ...], tuple[IPv6Address, ...], tuple[str, ...]]:
    """Read the addresses of a pod, and what is wrong with those that can't be answered."""
    ipv4: list[IPv4Address] = []
    ipv6: list[IPv6Address] = []
    wrong: list[str] = []
    for text in texts:
        address = read_address(text)
        if isinstance(address, str):
            wrong.append(address)
        elif isinstance(address, IPv4Address):
            ipv4.append(address)
        else:
            ipv6.append(address)
    return tuple(ipv4), tuple(ipv6), tuple(wrong)


def _ports(pod: Pod, ports: tuple[ServicePort, ...]) -> tuple[tuple[InstancePort, ...], str]:
    """Resolve target ports in this pod, as the EndpointSlice controller does (FindPort)."""
    resolved: list[InstancePort] = []
    unresolved: list[str] = []
    for port in ports:
        number = _target(pod, port)
        if number is None:
            unresolved.append(f"{port.target!r} ({port.protocol})")
        else:
            resolved.append(InstancePort(port.name, port.protocol, number))
    message = ""
    if unresolved:
        message = f"No container of the pod declares the port {', '.join(unresolved)}."
    return tuple(resolved), message


def _target(pod: Pod, port: ServicePort) -> int | None:
    if port.target is None:
        return port.number
    if isinstance(port.target, int):
        return port.target or port.number
    for declared in pod.ports:
        if declared.name == port.target and declared.protocol == port.protocol:
            return declared.number
    return None


def _weight(text: str | None) -> tuple[int, str]:
    if text is None:
        return DEFAULT_WEIGHT, ""
    if text.isascii() and text.isdigit() and len(text) <= 4 and int(text) <= MAX_WEIGHT:
        return int(text), ""
    return (
        DEFAULT_WEIGHT,
        f"The annotation {WEIGHT_ANNOTATION}={text[:32]!r} is ignored: write a number, 0 to {MAX_WEIGHT}.",
    )


def _drain(text: str | None) -> tuple[bool, str]:
    if text is None or text in ("true", "false"):
        return text == "true", ""
    return False, f'The annotation {DRAIN_ANNOTATION}={text[:32]!r} is ignored: write "true" or "false".'
