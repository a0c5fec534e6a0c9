"""Who may have which zone: who signs with a key of its secondaries, or asks from a network that it names."""

import logging
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import NamedTuple

from rollcall.dnswire.errors import TsigError, TsigFault
from rollcall.dnswire.message import Message
from rollcall.dnswire.tsig import Verified, mac_of, verify
from rollcall.feed.frames import TransferSettings
from rollcall.model import KeyRing, Transfer, TsigKey

from ..peer import Address

log = logging.getLogger(__name__)


class NotAuthentic(Exception):
    """A signature that none of our keys made. `key` is the one that did where only the time is wrong."""

    def __init__(self, fault: TsigFault, key: TsigKey | None = None) -> None:
        super().__init__(fault)
        self.fault = fault
        self.key = key


class _Rule(NamedTuple):
    keys: frozenset[TsigKey]
    networks: tuple[IPv4Network | IPv6Network, ...]


class TransferAccess:
    """What the settings allow. Make a new one when they change."""

    def __init__(self, settings: TransferSettings | None) -> None:
        self._rings = settings.keys if settings else {}
        self._keys = tuple(dict.fromkeys(key for ring in self._rings.values() for key in ring.keys))
        self._rules: dict[Transfer, _Rule] = {}

    def authenticate(self, wire: bytes, message: Message) -> Verified | None:
        """Return whose signature a request has, None where it has none.

        Keys of one name but with different secrets are all tried: so it is in the middle of a rotation.

        Raises:
            NotAuthentic: none of our keys made it, or not at this time.
            MalformedMessage: the TSIG record is malformed.
        """
        if not message.tsig:
            return None
        mac_of(wire, message)  # that it can be read is to be known also where there is no key to try
        fault = TsigFault.BAD_KEY
        for key in self._keys:
            try:
                return verify(wire, message, (key,))
            except TsigError as error:
                if error.fault is TsigFault.BAD_TIME and not error.by_peer:
                    raise NotAuthentic(error.fault, key) from None
                if error.fault is not TsigFault.BAD_KEY:
                    fault = TsigFault.BAD_SIGNATURE
        raise NotAuthentic(fault)

    def allows(self, transfer: Transfer, key: TsigKey | None, address: Address) -> bool:
        """Whether who signs with this key, or with none, from this address may have a zone."""
        rule = self._rules.get(transfer)
        if rule is None:
            rule = self._rules[transfer] = _rule(transfer, self._rings)
        if key is not None:
            return key in rule.keys
        return any(address in network for network in rule.networks)


def _rule(transfer: Transfer, rings: dict[str, KeyRing]) -> _Rule:
    names = {each.key_secret for each in transfer.secondaries}
    keys = frozenset(key for name in names & rings.keys() for key in rings[name].keys)
    return _Rule(keys, tuple(_networks(transfer.allow_unsigned)))


def _networks(texts: Iterable[str]) -> Iterable[IPv4Network | IPv6Network]:
    for text in texts:
        try:
            yield ip_network(text, strict=False)
        except ValueError as error:
            log.warning("allowUnsigned: %s is not a network, nobody is let in by it: %s", text, error)
