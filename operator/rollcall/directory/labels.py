"""The names of instances below that of their service: who has which.

An instance has the hostname of its pod, where Kubernetes gives it that name below the service; else its first
address with dashes. A name that several instances would have is given to none of them: whoever is led there
by an SRV record must find the instance that the record speaks of, and no other one, which may have another
version or other ports. So the labels of one service are distinct, but for instances that share all addresses.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address

import msgspec

from rollcall.model import Instance, Key, Pod, is_host_label

_SPELLS_ADDRESS = re.compile(r"(\d{1,3}(-\d{1,3}){3}|[0-9a-f]{4}(-[0-9a-f]{4}){7})(-[0-9a-f]{8})?")


def own_hostname(pod: Pod, service: str) -> str:
    """Return the hostname that a pod has below a service, "" where it has none.

    That is so where its subdomain is the service (ShouldSetHostname of the EndpointSlice controller).
    """
    return usable_hostname(pod.hostname) if pod.subdomain == service else ""


def usable_hostname(hostname: str) -> str:
    """Return a hostname if it can be a label, else "".

    One that spells an address would be taken for the label of the instance at that address.
    """
    return hostname if is_host_label(hostname) and not _SPELLS_ADDRESS.fullmatch(hostname) else ""


def address_label(ipv4: tuple[IPv4Address, ...], ipv6: tuple[IPv6Address, ...]) -> str:
    """Return the label of an instance that has no hostname, "" where it has no address either."""
    if ipv4:
        return str(ipv4[0]).replace(".", "-")
    if ipv6:  # written out, so that no label begins or ends with a hyphen
        return ipv6[0].exploded.replace(":", "-")
    return ""


class Labels:
    """Which of the named instances of one service ask for which label.

    An instance asks for its hostname, and for the label of its address in case it doesn't get the former.
    Each label has one pod that asks for it, or a set of several.
    """

    __slots__ = ("_by_address", "_by_hostname")

    def __init__(self) -> None:
        self._by_hostname: dict[str, Key | set[Key]] = {}
        self._by_address: dict[str, Key | set[Key]] = {}

    def contested(self) -> Iterator[tuple[str, set[Key]]]:
        """Yield the hostnames that several instances ask for, so that none has them, and their pods."""
        return ((name, pods) for name, pods in self._by_hostname.items() if isinstance(pods, set))

    def ask(self, pod: Key, before: Instance | None, after: Instance | None) -> set[Key]:
        """Have a pod ask for what it now would be named; return the others whose label that may change."""
        old, new = _asked(before), _asked(after)
        if old == new:
            return set()
        affected: set[Key] = set()
        if old is not None:
            hostname, address = _labels(old)
            _discard(self._by_hostname, hostname, pod)
            _discard(self._by_address, address, pod)
            left = _askers(self._by_hostname, hostname)
            if len(left) == 1:
                affected |= left
            affected |= _askers(self._by_address, address)
        if new is not None:
            hostname, address = _labels(new)
            affected |= _askers(self._by_address, address)
            _add(self._by_address, address, pod)
            if hostname:
                met = _askers(self._by_hostname, hostname)
                if len(met) == 1:
                    affected |= met
                _add(self._by_hostname, hostname, pod)
        affected.discard(pod)
        return affected

    def labelled(self, instance: Instance, others: Mapping[Key, Instance]) -> Instance:
        """Return an instance that has asked, with the label that it gets; `others` are of its service."""
        if not instance.named:
            return instance
        label = instance.hostname
        if not label or isinstance(self._by_hostname[label], set):
            label = address_label(instance.ipv4, instance.ipv6)
            sharing = self._by_address[label]
            if isinstance(sharing, set):
                addresses = _all_addresses(instance)
                if any(_all_addresses(others[pod]) != addresses for pod in sharing if pod != instance.pod):
                    label = f"{label}-{_short_hash(instance)}"
        return instance if label == instance.label else msgspec.structs.replace(instance, label=label)


_Asked = tuple[str, tuple[IPv4Address, ...], tuple[IPv6Address, ...], tuple[IPv4Address | IPv6Address, ...]]


def _asked(instance: Instance | None) -> _Asked | None:
    """Return what decides on the labels that an instance asks for, None where it asks for none."""
    if instance is None or not instance.named:
        return None
    return instance.hostname, instance.ipv4, instance.ipv6, instance.unasked


def _labels(asked: _Asked) -> tuple[str, str]:
    hostname, ipv4, ipv6, _ = asked
    return hostname, address_label(ipv4, ipv6)


def _askers(index: dict[str, Key | set[Key]], label: str) -> set[Key]:
    held = index.get(label)
    if held is None:
        return set()
    return held if isinstance(held, set) else {held}


def _add(index: dict[str, Key | set[Key]], label: str, pod: Key) -> None:
    held = index.setdefault(label, pod)
    if isinstance(held, set):
        held.add(pod)
    elif held != pod:
        index[label] = {held, pod}


def _discard(index: dict[str, Key | set[Key]], label: str, pod: Key) -> None:
    held = index.get(label)
    if isinstance(held, set):
        held.discard(pod)
        if len(held) == 1:
            (index[label],) = held
    elif held == pod:
        del index[label]


def _all_addresses(instance: Instance) -> set[IPv4Address | IPv6Address]:
    """Return also those that only zones with other families publish: labels are the same in all zones."""
    return {*instance.ipv4, *instance.ipv6, *instance.unasked}


def _short_hash(instance: Instance) -> str:
    packed = b"".join(sorted(address.packed for address in _all_addresses(instance)))
    return hashlib.blake2b(packed, digest_size=4).hexdigest()
