"""Reading a release, asking for another one, and waiting until every target has it."""

import asyncio
from collections.abc import Callable

import click
import msgspec

from rollcall.directory.release import follows
from rollcall.kube import Conflict, Forbidden, NotFound, Unreachable
from rollcall.kube.paths import api_path
from rollcall.model import Key

from .cluster import GROUP_VERSION, Cluster
from .options import Failed
from .release_change import Change
from .release_objects import RELEASED, PublishedZone, ReleasedService
from .release_targets import Needed, Target, behind, targets

POLL_SECONDS = 0.25
"""Between two looks while waiting. A watch would need the right to list all services of the namespace."""

MAX_CONFLICTS = 10
"""So often a change is decided anew because the object was written meanwhile: mostly its status."""

TOO_LATE = 4

_ZONE = msgspec.json.Decoder(PublishedZone)


class TooLate(click.ClickException):
    """Not every target had it in time. What was asked for stays so. Exit code 4."""

    exit_code = TOO_LATE


class View(msgspec.Struct, frozen=True):
    """A service with the zones that publish it, by name. `unread` says why zones can't be read, or ""."""

    service: ReleasedService
    zones: dict[str, PublishedZone]
    unread: str = ""

    def targets(self, pinned: Needed | None = None) -> list[Target]:
        """Tell which targets have the answers of the service."""
        return targets(self.service, self.zones, pinned)


async def read(cluster: Cluster, key: Key) -> View:
    """Read a service, and how far the zones that publish it have got.

    The service comes first: what it says is published, the zones know at that time or will.
    """
    service = await cluster.service_as(key, ReleasedService)
    names = sorted({publication.zone for publication in service.status.publications})
    zones: dict[str, PublishedZone] = {}
    try:
        for name in names:
            if (zone := await _zone(cluster, name)) is not None:
                zones[name] = zone
    except Forbidden as error:
        return View(service, {}, error.message)
    return View(service, zones)


async def _zone(cluster: Cluster, name: str) -> PublishedZone | None:
    path = api_path(GROUP_VERSION, "discoveryzones", name=name)
    try:
        return await cluster.client.get(path, decoder=_ZONE)
    except NotFound:
        return None  # it was removed since, and the service is to hear of it


async def ask(
    cluster: Cluster, key: Key, decide: Callable[[ReleasedService], Change]
) -> tuple[Change, ReleasedService]:
    """Decide on a change and write it, and nothing but it; return it, and the service as it then is.

    Raises:
        Failed: it can't be done, or someone else changed the release at the same time.
    """
    service = await cluster.service_as(key, ReleasedService)
    first = service.spec.release
    path = api_path(GROUP_VERSION, "serviceinstances", namespace=key.namespace, name=key.name)
    for _ in range(MAX_CONFLICTS):
        change = decide(service)
        if not change.patch:
            return change, service
        body = {
            "metadata": {"resourceVersion": service.metadata.resource_version},
            "spec": {"release": change.patch},
        }
        try:
            return change, msgspec.convert(await cluster.client.patch(path, body), ReleasedService)
        except Conflict:
            service = await cluster.service_as(key, ReleasedService)
        if service.spec.release != first:
            break
    else:
        raise Failed(f"{key} is being written all the time: nothing was changed. Try again.")
    raise Failed(
        f"someone else has just changed the release of {key}: nothing was changed. Look at it again."
    )


async def wait(
    cluster: Cluster, asked: ReleasedService, seconds: float, tell: Callable[[View, list[Target]], None]
) -> list[Target]:
    """Wait until the release that is asked for is in force, and every target has it; return the targets.

    `tell` is called after every look. There is one look at least, however short the time.

    Raises:
        Failed: the operator refuses it, or someone changes it meanwhile.
        TooLate: it takes longer than `seconds`.
    """
    pinned: Needed = {}
    missing, found = await _look(cluster, asked, pinned, tell)
    try:
        async with asyncio.timeout(seconds):
            while missing:
                await asyncio.sleep(POLL_SECONDS)
                missing, found = await _look(cluster, asked, pinned, tell)
    except TimeoutError:
        told = f"{asked.key} was asked for it, but not every target has it after {seconds:g} s: {missing}"
        raise TooLate(told) from None
    return found


async def _look(
    cluster: Cluster, asked: ReleasedService, pinned: Needed, tell: Callable[[View, list[Target]], None]
) -> tuple[str, list[Target]]:
    """Return what is still missing, "" for nothing, and the targets once the release is in force."""
    try:
        view = await read(cluster, asked.key)
    except Unreachable as error:
        return str(error), []  # it may be back in time
    if view.unread:
        raise Failed(cannot_see(view))
    let_through = _is_in_force(view, asked)
    found = view.targets(pinned) if let_through else []
    tell(view, found)
    if not let_through:
        return "Rollcall has not taken it in yet. Is it running?", found
    reconciling = view.service.condition("Reconciling")
    if reconciling is not None and reconciling.status == "True":
        return reconciling.message, found
    return behind(found), found


def _is_in_force(view: View, asked: ReleasedService) -> bool:
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
    if condition.status != "True":
        raise Failed(f"{condition.reason}: {condition.message}")
    return follows(service.status.release.released, asked.spec.release)


def cannot_see(view: View) -> str:
    """Say why nothing is known of the targets."""
    return (
        f"a right is missing: {view.unread.rstrip('.')}. --wait reads DiscoveryZones to see what each target"
        " has. Ask an administrator for it, or do without --wait."
    )
