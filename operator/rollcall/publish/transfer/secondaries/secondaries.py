"""The secondaries of the zones: each is told of changes and asked for its serial, while this replica leads.

A pair of a zone and a secondary has tasks of its own, so that none waits for another.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple

from rollcall.feed.frames import SecondaryState
from rollcall.zone.names import to_text

from .catalog import Catalogs
from .exchange import Endpoint, Exchange
from .secondary_watch import Outlets, Pair, PairKey, Zones

_LOG = logging.getLogger(__name__)

RESTART_SECONDS = 10.0
"""After a pair broke: a defect of ours, which must be neither the end nor a hot loop."""


class _Running(NamedTuple):
    pair: Pair
    task: "asyncio.Task[None]"


class Secondaries:
    """Keeps watch over the pairs of zone and secondary that the settings name.

    `report` takes the state of a pair when it has changed, and each 15 s besides. `count` takes the outcome
    of each NOTIFY: sent, answered, refused, unanswered. `sock` is the bound non-blocking UDP socket of the
    transfer server: NOTIFY leaves by it, as some secondaries take it only from where they transfer; responses
    that come in there have to be handed to `received`.
    """

    def __init__(
        self,
        zones: Zones,
        report: Callable[[SecondaryState], object],
        count: Callable[[str], None],
        catalogs: Catalogs,
        sock: socket.socket | None = None,
    ) -> None:
        self._zones = zones
        self._catalogs = catalogs
        self._outlets = Outlets(Exchange(sock), Exchange(), report, count)
        # Not for cryptography: it spreads retries.
        self._random = Random()  # noqa: S311  # waits spread out: nothing secret
        self._configured = asyncio.Event()
        self._pairs: dict[PairKey, _Running] = {}
        self._by_apex: dict[bytes, list[Pair]] = {}

    def received(self, wire: bytes, source: object) -> None:
        """Take a response that came to `sock`; what belongs to no request of ours is dropped."""
        self._outlets.notify.received(wire, source)

    def changed(self, apex: bytes) -> None:
        """Tell the secondaries of a zone that there is a new version of it."""
        for pair in self._by_apex.get(apex, ()):
            pair.changed()

    def configured(self) -> None:
        """Take in that the settings have changed, or that there is somebody new to report to."""
        self._configured.set()

    async def run(self) -> None:
        """Keep watch until cancelled."""
        self._configured.set()
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    await self._configured.wait()
                    self._configured.clear()
                    self._arrange(group)
        finally:
            self._pairs.clear()
            self._by_apex.clear()
            self._outlets.notify.close()
            self._outlets.poll.close()

    def _arrange(self, group: asyncio.TaskGroup) -> None:
        """Start the pairs that are wanted and don't run, end those that aren't wanted any more."""
        settings = self._zones.current_settings
        is_leading = settings is not None and settings.leading
        rings = settings.keys if settings is not None else {}
        wanted = set(self._wanted()) if is_leading else set()
        for key in self._pairs.keys() - wanted:
            self._pairs.pop(key).task.cancel()
        for key in wanted:
            running = self._pairs.get(key)
            if running is not None:
                running.pair.use(rings.get(key.key_secret))
                running.pair.report()
                continue
            pair = self._make(key)
            pair.use(rings.get(key.key_secret))
            self._pairs[key] = _Running(pair, group.create_task(_keep(pair), name=pair.title))
        self._by_apex = {}
        for key, running in self._pairs.items():
            self._by_apex.setdefault(key.apex, []).append(running.pair)

    def _wanted(self) -> Iterator[PairKey]:
        for zone in self._zones.transfers():
            for each in zone.transfer.secondaries:
                try:
                    endpoint = Endpoint.of(each.address, each.port)
                except ValueError as error:
                    _LOG.error("secondary %s of %s is left out: %s", each.name, to_text(zone.apex), error)
                    continue
                in_catalog = bool(zone.transfer.catalog) and zone.apex not in self._catalogs.problems
                yield PairKey(zone.apex, each.name, endpoint, each.key_secret, in_catalog)

    def _make(self, key: PairKey) -> Pair:
        return Pair(
            key,
            self._zones,
            self._outlets,
            self._random,
            is_catalog=self._catalogs.is_catalog(key.apex),
            problem=lambda: self._catalogs.problems.get(key.apex),
        )


async def _keep(pair: Pair) -> None:
    while True:
        try:
            await pair.run()
        except Exception:
            _LOG.exception("the %s broke, trying again in %.0f s", pair.title, RESTART_SECONDS)
        await asyncio.sleep(RESTART_SECONDS)
