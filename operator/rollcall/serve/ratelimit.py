"""A bound on what goes to one client network, against amplification with forged source addresses.

A forged query makes us send to the victim, twenty times as much as the forger sends. So the octets that go to
a network (/24, or /56 for IPv6) are counted, in seconds of the caller's clock. Every second response beyond
the bound goes out cut (TC), no longer than its query, so that a real client there can ask over TCP, which
can't be forged; the others are not sent. A client with a valid cookie is let through: it is not a forger.

As long as a worker sends less in all than one network may get, nothing is counted: no network can be over.
Counters are found by a hash of the network, with a secret of the process. So however many sources are forged,
a network that they don't name is counted by itself, but for one in thousands of those that are over.
"""

from array import array
from enum import Enum

from .networks import is_loopback, network_of

OCTETS_A_SECOND = 2_500_000
"""To one network by one worker, 20 Mbit/s: 13,000 usual answers, or 2,300 large ones. An honest network asks
far less without cookies, and a link takes far more."""

_COUNTERS = 1 << 16
"""Half a megabyte. Networks that share one by chance share a bound."""

_MAX_CLIENTS = 16_384
"""Addresses whose counter is remembered within a second: finding it costs a microsecond or less anyway."""

_LOOPBACK = _COUNTERS  # a counter of its own, that never reaches a bound


class Verdict(Enum):
    """What to do with a response."""

    SEND = "send"
    SLIP = "slip"
    DROP = "drop"


SEND = Verdict.SEND  # a member of an enum is slow to look up, and this one is the answer for every response


class RateLimit:
    """The state of one worker. `judge` needs to be asked while `counting` is true only."""

    def __init__(self, limit: int = OCTETS_A_SECOND) -> None:
        self.counting = False
        self._limit = limit
        self._sent = 0
        self._clients: dict[str, int] = {}  # address → the number of the counter of its network
        self._octets = self._zeros()
        self._is_slip = False

    def count(self, octets: int) -> None:
        """Note that so many more octets were sent."""
        self._sent += octets
        if self._sent > self._limit:
            self.counting = True

    def new_second(self) -> None:
        """Note that a second has gone by."""
        if self.counting:
            self._clients.clear()
            self._octets = self._zeros()
        self.counting = self._sent > self._limit
        self._sent = 0

    def judge(self, host: str, octets: int) -> Verdict:
        """Whether one more response may go to this address (a numeric one)."""
        number = self._clients.get(host)
        if number is None:
            number = self._counter(host)
        counters = self._octets
        total = counters[number] = counters[number] + octets
        if total <= self._limit:
            return SEND
        self._is_slip = not self._is_slip
        return Verdict.SLIP if self._is_slip else Verdict.DROP

    def _counter(self, host: str) -> int:
        network = network_of(host)
        # One can't flood oneself over the network.
        number = _LOOPBACK if is_loopback(network) else hash(network) % _COUNTERS
        if len(self._clients) < _MAX_CLIENTS:
            self._clients[host] = number
        return number

    @staticmethod
    def _zeros() -> "array[float]":
        zeros = array("d", bytes(8 * (_COUNTERS + 1)))
        zeros[_LOOPBACK] = float("-inf")
        return zeros
