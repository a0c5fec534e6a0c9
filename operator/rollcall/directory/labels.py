"""The names of instances below that of their service: who has which.

An instance has the hostname of its pod, where Kubernetes gives it that name below the service; else its first
address with dashes. A name that several instances would have is given to none of them: whoever is led there
by an SRV record must find the instance that the record speaks of, and no other one, which may have another
version or other ports. So the labels of one service are distinct, but for instances that share all addresses.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Set
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
    Each label has one pod that asks for it, or a set of several. `_mixed` are those labels of addresses that
    instances of different addresses ask for.
    """

    __slots__ = ("_by_address", "_by_hostname", "_mixed")

    def __init__(self) -> None:
        self._by_hostname: dict[str, Key | set[Key]] = {}
        self._by_address: dict[str, Key | set[Key]] = {}
        self._mixed: set[str] = set()

    def contested(self) -> Iterator[tuple[str, set[Key]]]:
        """Yield the hostnames that several instances ask for, so that none has them, and their pods."""
        return ((name, pods) for name, pods in self._by_hostname.items() if isinstance(pods, set))

    def ask(
        self, pod: Key, before: Instance | None, after: Instance | None, others: Mapping[Key, Instance]
    ) -> Set[Key]:
        """Have a pod ask for what it now would be named; return the others whose label changes by it.

        `others` are the instances of its service as they were.
        """
        old = before if before is not None and before.named else None
        new = after if after is not None and after.named else None
        if _asks_the_same(old, new):
            return _NOBODY
        affected: set[Key] = set()
        if old is not None:
            affected |= self._leave(pod, old, others)
        if new is not None:
            affected |= self._join(pod, new, others)
        affected.discard(pod)
        return affected

    def labelled(self, instance: Instance) -> Instance:
        """Return an instance that has asked, with the label that it gets."""
        if not instance.named:
            return instance
        label = instance.hostname
        if not label or isinstance(self._by_hostname[label], set):
            label = self._address_label(instance)
            if label in self._mixed:
                label = f"{label}-{_short_hash(instance)}"
        return instance if label == instance.label else msgspec.structs.replace(instance, label=label)

    def _leave(self, pod: Key, old: Instance, others: Mapping[Key, Instance]) -> set[Key]:
        address, hostname = self._address_label(old), old.hostname
        _discard(self._by_address, address, pod)
        affected: set[Key] = set()
        if address in self._mixed:
            left = _askers(self._by_address, address)
            if len({_all_addresses(others[each]) for each in left}) < 2:
                self._mixed.discard(address)
                affected |= left
        if hostname:
            _discard(self._by_hostname, hostname, pod)
            if len(left := _askers(self._by_hostname, hostname)) == 1:
                affected |= left
        return affected

    def _join(self, pod: Key, new: Instance, others: Mapping[Key, Instance]) -> set[Key]:
        hostname = new.hostname
        address = address_label(new.ipv4, new.ipv6) if hostname else new.label  # nobody has changed it yet
        affected: set[Key] = set()
        met = _askers(self._by_address, address)
        if met and address not in self._mixed and _differ(others[next(iter(met))], new):
            self._mixed.add(address)
            affected |= met
        _add(self._by_address, address, pod)
        if hostname:
            if len(met := _askers(self._by_hostname, hostname)) == 1:
                affected |= met
            _add(self._by_hostname, hostname, pod)
        return affected

    def _address_label(self, instance: Instance) -> str:
        """Return the label of the address of an instance that has asked; mostly it is the one that it has."""
        if instance.hostname or instance.label not in self._by_address:
            return address_label(instance.ipv4, instance.ipv6)
        return instance.label


_NOBODY: frozenset[Key] = frozenset()


def _asks_the_same(old: Instance | None, new: Instance | None) -> bool:
    if old is None or new is None:
        return old is new
    return (old.hostname, old.ipv4, old.ipv6, old.unasked) == (new.hostname, new.ipv4, new.ipv6, new.unasked)


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


def _differ(one: Instance, other: Instance) -> bool:
    return _all_addresses(one) != _all_addresses(other)


def _all_addresses(instance: Instance) -> frozenset[IPv4Address | IPv6Address]:
    """Return also those that only zones with other families publish: labels are the same in all zones."""
    return frozenset((*instance.ipv4, *instance.ipv6, *instance.unasked))


def _short_hash(instance: Instance) -> str:
    packed = b"".join(sorted(address.packed for address in _all_addresses(instance)))
    return hashlib.blake2b(packed, digest_size=4).hexdigest()
