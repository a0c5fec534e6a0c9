"""Reading a release, asking for another one, and waiting until every target has it."""

import asyncio
import time
from collections.abc import Callable

import click
import msgspec

from rollcall.directory.release import follows
from rollcall.kube import Conflict, Forbidden, Unreachable
from rollcall.kube.paths import api_path
from rollcall.model import API_VERSION, Key
from rollcall.model.status import RECONCILING, RELEASED, STALLED

from .cluster import Cluster
from .objects import ServiceObject, ZoneObject
from .options import Failed
from .release_change import ReleaseChange, StatusOutdated
from .release_targets import Needed, TargetView, behind, targets

POLL_SECONDS = 0.25
"""Between two looks while waiting. A watch would need the right to list all services of the namespace."""

STATUS_SECONDS = 15.0
"""So long a decision waits for the status that it builds on: usually it is there within a second."""

MAX_CONFLICTS = 10
"""So often a change is decided anew because the object was written meanwhile: mostly its status."""

TOO_LATE = 4


class TooLate(click.ClickException):
    """Not every target had it in time. What was asked for stays so. Exit code 4."""

    exit_code = TOO_LATE


class ReleaseView(msgspec.Struct, frozen=True):
    """A service with the zones that publish it, by name. `unread` says why zones can't be read, or ""."""

    service: ServiceObject
    zones: dict[str, ZoneObject]
    unread: str = ""

    def targets(self, pinned: Needed | None = None) -> list[TargetView]:
        """Tell which targets have the answers of the service."""
        return targets(self.service, self.zones, pinned)


async def read(cluster: Cluster, key: Key) -> ReleaseView:
    """Read a service, and how far the zones that publish it have got.

    The service comes first: what it says is published, the zones know at that time or will.
    """
    service = await cluster.service(key)
    names = sorted({publication.zone for publication in service.status.publications})
    zones: dict[str, ZoneObject] = {}
    try:
        for name in names:
            if (zone := await cluster.zone(name)) is not None:  # else it was removed since
                zones[name] = zone
    except Forbidden as error:
        return ReleaseView(service, {}, error.message)
    return ReleaseView(service, zones)


async def apply_change(
    cluster: Cluster, key: Key, decide: Callable[[ServiceObject], ReleaseChange]
) -> tuple[ReleaseChange, ServiceObject]:
    """Decide on a change and write it, and nothing but it; return it, and the service as it then is.

    A decision that builds on the status waits until that speaks of the spec as it is.

    Raises:
        Failed: it can't be done, or someone else changed the release at the same time.
    """
    first = service = await cluster.service(key)
    give_up_at = time.monotonic() + STATUS_SECONDS
    path = api_path(API_VERSION, "serviceinstances", namespace=key.namespace, name=key.name)
    conflicts = 0
    while conflicts < MAX_CONFLICTS:
        if service.spec.release != first.spec.release:
            raise Failed(
                f"someone else has just changed the release of {key}: nothing was changed. Look at it again."
            )
        try:
            change = decide(service)
        except StatusOutdated:
            if time.monotonic() >= give_up_at:
                raise
            await asyncio.sleep(POLL_SECONDS)
            service = await cluster.service(key)
            continue
        if not change.patch:
            return change, service
        body = {
            "metadata": {"resourceVersion": service.metadata.resource_version},
            "spec": {"release": change.patch},
        }
        try:
            return change, msgspec.convert(await cluster.client.patch(path, body), ServiceObject)
        except Conflict:
            conflicts += 1
            service = await cluster.service(key)
    raise Failed(f"{key} is being written all the time: nothing was changed. Try again.")


async def wait(
    cluster: Cluster,
    asked: ServiceObject,
    seconds: float,
    on_look: Callable[[ReleaseView, list[TargetView]], None],
) -> list[TargetView]:
    """Wait until the release that is asked for is in force, and every target has it; return the targets.

    `on_look` is called after every look. There is one look at least, however short the time.

    Raises:
        Failed: the operator refuses it, or someone changes it meanwhile.
        TooLate: it takes longer than `seconds`.
    """
    pinned: Needed = {}
    missing, found = await _read_missing(cluster, asked, pinned, on_look)
    try:
        async with asyncio.timeout(seconds):
            while missing:
                await asyncio.sleep(POLL_SECONDS)
                missing, found = await _read_missing(cluster, asked, pinned, on_look)
    except TimeoutError:
        told = f"{asked.key} was asked for it, but not every target has it after {seconds:g} s: {missing}"
        raise TooLate(told) from None
    return found


async def _read_missing(
    cluster: Cluster,
    asked: ServiceObject,
    pinned: Needed,
    on_look: Callable[[ReleaseView, list[TargetView]], None],
) -> tuple[str, list[TargetView]]:
    """Return what is still missing, "" for nothing, and the targets once the release is in force."""
    try:
        view = await read(cluster, asked.key)
    except Unreachable as error:
        return str(error), []  # it may be back in time
    if view.unread:
        raise Failed(cannot_see(view))
    let_through = _is_in_force(view, asked)
    found = view.targets(pinned) if let_through else []
    on_look(view, found)
    if not let_through:
        return "Rollcall has not taken it in yet. Is it running?", found
    stalled = view.service.condition(STALLED)
    if stalled is not None and stalled.is_true:
        raise Failed(f"{stalled.reason}: {stalled.message}")
    reconciling = view.service.condition(RECONCILING)
    if reconciling is not None and reconciling.is_true:
        return reconciling.message, found
    return behind(found), found


def _is_in_force(view: ReleaseView, asked: ServiceObject) -> bool:
    """Whether the operator has let a release through.

    Raises:
        Failed: it refuses it, or something else is asked for by now.
    """
    service = view.service
    if service.spec.release != asked.spec.release:
        raise Failed(f"someone else has changed the release of {service.key} meanwhile. Look at it again.")
    condition = service.condition(RELEASED)
    if condition is None:
        return False
    if not condition.is_true:
        raise Failed(f"{condition.reason}: {condition.message}")
    return follows(service.status.release.released, asked.spec.release)


def cannot_see(view: ReleaseView) -> str:
    """Say why nothing is known of the targets."""
    return (
        f"a right is missing: {view.unread.rstrip('.')}. --wait reads DiscoveryZones to see what each target"
        " has. Ask an administrator for it, or do without --wait."
    )
