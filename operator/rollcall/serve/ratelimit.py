"""A bound on responses to one client network, against amplification with forged source addresses.

A forged query makes us send to the victim; its network (/24, or /56 for IPv6) is what is counted, in seconds
of the caller's clock. As long as a worker sends less in all than one network may get, nothing is counted: no
network can be over. Every second response beyond the bound goes out cut (TC), so that a real client there
can ask over TCP, which can't be forged; the others are not sent.
"""

from enum import Enum
from ipaddress import IPv4Address, ip_address

RESPONSES_A_SECOND = 20_000
"""To one network by one worker: far above an honest resolver, far below what floods a link."""

_MAX_CLIENTS = 16_384
"""Addresses told apart within a second; those beyond share one bound, as a flood of forged ones must."""


class Verdict(Enum):
    """What to do with a response."""

    SEND = "send"
    SLIP = "slip"
    DROP = "drop"


SEND = Verdict.SEND  # a member of an enum is slow to look up, and this one is the answer for every response


class RateLimit:
    """The state of one worker. `judge` needs to be asked while `counting` is true only."""

    def __init__(self, limit: int = RESPONSES_A_SECOND) -> None:
        self.counting = False
        self._limit = limit
        self._sent = 0
        self._clients: dict[str, list[float]] = {}  # address → the counter that its network shares
        self._networks: dict[bytes, list[float]] = {}
        self._others = [0.0]

    def count(self, responses: int) -> None:
        """Note that so many more responses were sent."""
        self._sent += responses
        if self._sent > self._limit:
            self.counting = True

    def new_second(self) -> None:
        """Note that a second has gone by."""
        self.counting = self._sent > self._limit
        self._sent = 0
        self._clients.clear()
        self._networks.clear()
        self._others[0] = 0

    def judge(self, host: str) -> Verdict:
        """Whether one more response may go to this address (a numeric one)."""
        counter = self._clients.get(host)
        if counter is None:
            counter = self._counter(host)
        counter[0] += 1
        if counter[0] <= self._limit:
            return SEND
        return Verdict.SLIP if counter[0] % 2 else Verdict.DROP

    def _counter(self, host: str) -> list[float]:
        if len(self._clients) >= _MAX_CLIENTS:
            return self._others
        counter = self._clients[host] = self._network(host)
        return counter

    def _network(self, host: str) -> list[float]:
        address = ip_address(host)
        if not isinstance(address, IPv4Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped  # a client over IPv4 of a socket for both
        if address.is_loopback:
            return [float("-inf")]  # never reaches a bound: one can't flood oneself over the network
        prefix = address.packed[: 3 if isinstance(address, IPv4Address) else 7]
        return self._networks.setdefault(prefix, [0.0])
