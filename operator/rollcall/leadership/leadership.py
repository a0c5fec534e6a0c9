"""What one replica alone may do: who it is, and what it goes on from."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from rollcall.config import Config
from rollcall.kube import errors
from rollcall.kube.client import KubeClient
from rollcall.model.metric import MetricFamily, single
from rollcall.zone import Zones

from .elector import Elector, holder_identity
from .handover import previous_leader_serials
from .lease import LeaseApi, lease_name
from .no_election import NoElection

log = logging.getLogger(__name__)

SERIALS_RETRY_SECONDS = 1.0


Duty = Callable[[], Awaitable[Any]]
"""What the leader does, until it is cancelled."""


class Leadership:
    """Takes part in the election, and does the duties while this replica leads.

    The Lease is renewed over `leases`, a client of its own: however many requests wait for an answer
    elsewhere, a renewal waits for none of them. `hand_out` closes a version of the zones and hands it out.
    `elector` says whether we lead.
    """

    def __init__(
        self,
        config: Config,
        client: KubeClient,
        leases: LeaseApi,
        zones: Zones,
        hand_out: Callable[[], None],
    ) -> None:
        self._client = client
        self._zones = zones
        self._hand_out = hand_out
        self._duties: tuple[Duty, ...] = ()
        self.elector: Elector | NoElection
        if config.leader_elect:
            name = lease_name(config.identity)
            self.elector = Elector(
                leases, config.operator_namespace, name, holder_identity(), self._lead, config.lease_times
            )
        else:
            self.elector = NoElection(self._lead)

    async def run(self, *duties: Duty) -> None:
        """Take part until cancelled. Begin when everything has synced and has been published."""
        self._duties = duties
        await self.elector.run()

    async def _lead(self, _: int) -> None:
        """Do what one replica alone may do, until that is another one."""
        await self._take_over_serials()
        async with asyncio.TaskGroup() as group:
            for duty in self._duties:
                group.create_task(_perform(duty))

    def families(self) -> Iterator[MetricFamily]:
        """Describe whether we lead."""
        yield single(
            "rollcall_leader", "1 while this replica is the one that writes.", lambda: self.elector.leading
        )

    async def _take_over_serials(self) -> None:
        """Go on from the serials that the previous leader has said that it handed out."""
        while True:
            try:
                known_serials = await previous_leader_serials(self._client)
                break
            except errors.KubeError as error:
                log.warning("serials of the previous leader are unknown, trying again: %s", error)
                await asyncio.sleep(SERIALS_RETRY_SECONDS)
        for apex, (serial, digest) in known_serials.items():
            self._zones.resume(apex, serial, digest)
        self._hand_out()


async def _perform(duty: Duty) -> None:
    await duty()
