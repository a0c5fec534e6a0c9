"""The secondaries of the zones: each is told of changes and asked for its serial, while this replica leads.

Each secondary of each zone has a watch with tasks of its own, so that none waits for another.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple

from rollcall.feed.frames import SecondaryState
from rollcall.zone.names import to_text

from ..journal.zones import TransferZones
from .catalog import Catalogs
from .exchange import Exchange, ServerAddress
from .secondary_watch import Outlets, SecondaryKey, SecondaryWatch

log = logging.getLogger(__name__)

RESTART_SECONDS = 10.0
"""Before a watch that broke runs again: a defect of ours, which must be neither the end nor a hot loop."""


class _Running(NamedTuple):
    watch: SecondaryWatch
    task: "asyncio.Task[None]"


class Secondaries:
    """Runs a watch for each secondary of each zone that the settings name.

    `report` takes the state of a secondary when it has changed, and each 15 s besides. `count` takes the
    outcome of each NOTIFY: sent, answered, refused, unanswered. `sock` is the bound non-blocking UDP socket
    of the transfer server: NOTIFY leaves by it, as some secondaries take it only from where they transfer;
    responses that come in there have to be handed to `on_response`.
    """

    def __init__(
        self,
        zones: TransferZones,
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
        self._arranging = asyncio.Event()
        self._watches: dict[SecondaryKey, _Running] = {}
        self._by_apex: dict[bytes, list[SecondaryWatch]] = {}

    def on_response(self, wire: bytes, source: object) -> None:
        """Give a response, which came to `sock`, to the watch that waits for it, if any does."""
        self._outlets.notify.on_response(wire, source)

    def on_version(self, apex: bytes) -> None:
        """Tell the secondaries of a zone that there is a new version of it."""
        for watch in self._by_apex.get(apex, ()):
            watch.on_version()

    def on_settings(self) -> None:
        """Have the watches arranged anew, and every state reported again: whoever hears may be new."""
        self._arranging.set()

    async def run(self) -> None:
        """Watch until cancelled."""
        self._arranging.set()
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    await self._arranging.wait()
                    self._arranging.clear()
                    self._arrange(group)
        finally:
            self._watches.clear()
            self._by_apex.clear()
            self._outlets.notify.close()
            self._outlets.poll.close()

    def _arrange(self, group: asyncio.TaskGroup) -> None:
        """Start the watches that are wanted and don't run, end those that are no longer wanted."""
        settings = self._zones.current_settings
        is_leading = settings is not None and settings.leading
        rings = settings.keys if settings is not None else {}
        wanted = set(self._wanted()) if is_leading else set()
        for key in self._watches.keys() - wanted:
            self._watches.pop(key).task.cancel()
        for key in wanted:
            running = self._watches.get(key)
            if running is not None:
                running.watch.use_keys(rings.get(key.key_secret))
                running.watch.report()
                continue
            watch = self._make(key)
            watch.use_keys(rings.get(key.key_secret))
            self._watches[key] = _Running(watch, group.create_task(_run_for_ever(watch), name=watch.title))
        self._by_apex = {}
        for key, running in self._watches.items():
            self._by_apex.setdefault(key.apex, []).append(running.watch)

    def _wanted(self) -> Iterator[SecondaryKey]:
        for zone in self._zones.transfers():
            for each in zone.transfer.secondaries:
                try:
                    endpoint = ServerAddress.of(each.address, each.port)
                except ValueError as error:
                    log.error("secondary %s of %s is left out: %s", each.name, to_text(zone.apex), error)
                    continue
                in_catalog = bool(zone.transfer.catalog) and zone.apex not in self._catalogs.problems
                yield SecondaryKey(zone.apex, each.name, endpoint, each.key_secret, in_catalog)

    def _make(self, key: SecondaryKey) -> SecondaryWatch:
        return SecondaryWatch(
            key,
            self._zones,
            self._outlets,
            self._random,
            is_catalog=self._catalogs.is_catalog(key.apex),
            problem=lambda: self._catalogs.problems.get(key.apex),
        )


async def _run_for_ever(watch: SecondaryWatch) -> None:
    while True:
        try:
            await watch.run()
        except Exception:
            log.exception("the %s broke, trying again in %.0f s", watch.title, RESTART_SECONDS)
        await asyncio.sleep(RESTART_SECONDS)
