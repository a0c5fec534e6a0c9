"""Names below which a server answers with something else: what is there is hidden, whether written or not."""

from collections.abc import Iterable, Iterator

from rollcall.dnswire.names import suffixes
from rollcall.dnswire.types import Type

CUT_TYPES = (int(Type.NS), int(Type.DNAME))
"""A delegation hides what is at its name and below (RFC 1034 section 4.2), a DNAME what is below it."""


class Cuts:
    """Delegations and DNAMEs of others, by owner. The zone's own NS is not one."""

    def __init__(self) -> None:
        self._types: dict[bytes, int] = {}

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._types)

    def __bool__(self) -> bool:
        return bool(self._types)

    def add(self, owner: bytes, rdtype: int) -> None:
        """Note a record of one of CUT_TYPES; beside a delegation, which hides more, a DNAME says nothing."""
        if self._types.get(owner) != Type.NS:
            self._types[owner] = rdtype

    def add_all(self, others: "Cuts") -> None:
        """Note those of a reading."""
        for owner, rdtype in others._types.items():
            self.add(owner, rdtype)

    def discard(self, owners: Iterable[bytes]) -> None:
        """Forget those at some names."""
        for owner in owners:
            self._types.pop(owner, None)

    def over(self, *names: bytes) -> bytes | None:
        """Return the highest one that hides any of some names, None where they are all to be seen."""
        if not self._types:
            return None
        found = (
            above
            for name in names
            for above in suffixes(name)
            if (rdtype := self._types.get(above)) is not None and (rdtype == Type.NS or above != name)
        )
        return min(found, key=len, default=None)
