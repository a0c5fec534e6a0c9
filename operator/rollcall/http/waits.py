"""How many requests may wait for news: in all, of one address, and for one thing."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from rollcall.model import Key
from rollcall.model.wording import counted

from .limits import HttpLimits, origin
from .refusal import refuse


class Waits:
    """The requests that wait. They keep their connections, so that too many would keep others out."""

    def __init__(self, limits: HttpLimits) -> None:
        self.refused = 0
        self._limits = limits
        self._origins: Counter[str] = Counter()
        self._pods: Counter[Key] = Counter()

    def __len__(self) -> int:
        return self._origins.total()

    @contextlib.contextmanager
    def slot(self, request: web.Request, pod: Key | None = None) -> Iterator[None]:
        """Have a request wait for as long as the block runs, for a pod or for something that many wait for.

        Raises HTTPServiceUnavailable where too many do.
        """
        address = origin(request.remote or "")
        limits = self._limits
        if len(self) >= limits.waits:
            self._refuse(f"{_waiting(len(self))} already, as many as may: ask again in a moment")
        if self._origins[address] >= limits.waits_an_address:
            self._refuse(f"{_waiting(limits.waits_an_address, f' of {address}')} already, as many as may")
        if pod is not None and self._pods[pod] >= limits.waits_a_pod:
            self._refuse(f"{_waiting(limits.waits_a_pod)} for {pod} already, as many as may")
        self._origins[address] += 1
        if pod is not None:
            self._pods[pod] += 1
        try:
            yield
        finally:
            _less(self._origins, address)
            if pod is not None:
                _less(self._pods, pod)

    def _refuse(self, message: str) -> None:
        self.refused += 1
        refuse(web.HTTPServiceUnavailable, "TooManyWaits", message)


def _waiting(number: int, whose: str = "") -> str:
    return counted(number, f"request{whose} waits", f"requests{whose} wait")


def _less(counter: Counter[Any], what: str | Key) -> None:
    counter[what] -= 1
    if not counter[what]:
        del counter[what]
