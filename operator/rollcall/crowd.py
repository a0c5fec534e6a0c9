"""Who has a TCP connection, and who must go when one more comes: fair by network (RFC 7766 section 6.2.2).

The DNS workers and the transfer process share it; what counts as one network is for them to say.

A bound on connections that refuses the newcomer belongs to whoever came first and stays. Here the newcomer is
let in, and the idlest connection of the network that has the most goes. So a network that opens connections
without end shuts out itself only, and one that has few keeps them.
"""

from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar


class CrowdMember(Protocol):
    """A connection: `since` is when it was last of use, in seconds of any clock."""

    since: float


_M = TypeVar("_M", bound=CrowdMember)

_DENSE = 0.75
"""The part of all slots from which on they are scarce."""


class Crowd(Generic[_M]):
    """Connections with the network of each, `slots` of them at most."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._members: dict[_M, bytes] = {}
        self._networks: dict[bytes, dict[_M, None]] = {}  # with their members, in order of arrival

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[_M]:
        return iter(self._members)

    @property
    def is_dense(self) -> bool:
        """Whether slots are scarce."""
        return len(self) >= _DENSE * self._slots

    def enter(self, member: _M, network: bytes) -> _M | None:
        """Let a connection in; return the one that has to go for it, which is out already."""
        self._members[member] = network
        self._networks.setdefault(network, {})[member] = None
        if len(self) <= self._slots:
            return None
        victim = self._idlest()
        self.leave(victim)
        return victim

    def leave(self, member: _M) -> bool:
        """Note that a connection has gone; return whether it was still in."""
        network = self._members.pop(member, None)
        if network is None:
            return False
        members = self._networks[network]
        del members[member]
        if not members:
            del self._networks[network]
        return True

    def _idlest(self) -> _M:
        """Find the idlest one of the largest network, or of all that are as large."""
        largest = max(map(len, self._networks.values()))
        return min(
            (member for members in self._networks.values() if len(members) == largest for member in members),
            key=lambda member: member.since,
        )
