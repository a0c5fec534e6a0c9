"""How `rollcall takeover` runs: it reads a marker at a server, shows it, and deletes that one and no other.

Nothing of it depends on the operator: to that, a marker has gone that somebody had put there, and its next
look at the zone does the rest. The deletion expects the marker that was shown (RFC 2136 section 2.4.2), so
that whoever writes meanwhile, the leader too, is in nobody's danger.
"""

import click
import msgspec

from rollcall.dnswire.errors import TsigError
from rollcall.dnswire.header import PREREQUISITE_FAILED, Rcode
from rollcall.kube import NotFound
from rollcall.kube.paths import api_path
from rollcall.model import Key, KeyRing, UpdateTarget
from rollcall.publish.update import reasons
from rollcall.publish.update.discovery import connect
from rollcall.publish.update.message import UnitUpdate, compose
from rollcall.publish.update.readback import read_units
from rollcall.publish.update.server_state import Held, held
from rollcall.publish.update.session import Session, UpdateServer
from rollcall.sources.secrets import ring_of
from rollcall.zone.marker import HIGHEST_EPOCH, marker_name
from rollcall.zone.names import InvalidName, from_text, to_text
from rollcall.zone.placement import root_name

from .cluster import Cluster, connected
from .objects import ZoneObject
from .options import Failed, GlobalOptions, NotThere
from .output import printable, write_json


class _Secret(msgspec.Struct, frozen=True):
    data: dict[str, bytes] = {}


_SECRET = msgspec.json.Decoder(_Secret)


async def take_over(
    options: GlobalOptions, zone_name: str, target_name: str, key: Key, namespace: str, *, yes: bool
) -> None:
    """Show the marker of a service at a target, and with `yes` delete it."""
    async with connected(options) as cluster:
        zone = await cluster.zone(zone_name)
        if zone is None:
            raise NotThere(f"there is no DiscoveryZone {zone_name}: `rollcall status -A` lists them.")
        target = _target(zone, target_name)
        ring = await _ring(cluster, Key(namespace, target.key_secret))
    domain = from_text(zone.spec.domain)
    try:
        root = root_name(key, zone.spec.naming, domain)
    except InvalidName as error:
        raise Failed(f"{key} has no name in {zone.spec.domain}: {error}.") from error
    server = UpdateServer(target.server, target.port)
    try:
        session, apex = await connect(server, ring, domain)
        try:
            found = await _implausible(session, apex, root, zone.status.owner)
            if yes:
                await _delete(session, apex, root, found)
        except TsigError as error:
            raise reasons.signature_fault(str(server), session.key.name, error) from None
        finally:
            await session.close()
    except reasons.TargetError as error:
        raise Failed(str(error)) from error
    _tell(options, zone_name, target_name, key, root, found, is_done=yes)


def _target(zone: ZoneObject, name: str) -> UpdateTarget:
    targets = {each.name: each for each in zone.spec.updates}
    if name not in targets:
        there = f"it has {', '.join(targets)}" if targets else "it has none"
        raise Failed(f"the zone has no target {name} in spec.updates: {there}.")
    return targets[name]


async def _ring(cluster: Cluster, secret: Key) -> KeyRing:
    """Read the keys of a target."""
    path = api_path("v1", "secrets", namespace=secret.namespace, name=secret.name)
    try:
        found = await cluster.client.get(path, decoder=_SECRET)
    except NotFound as error:
        raise NotThere(f"there is no Secret {secret}: --operator-namespace says where keys are.") from error
    ring = ring_of(secret, found.data)
    if isinstance(ring, KeyRing):
        return ring
    raise Failed(ring.message)


async def _implausible(session: Session, apex: bytes, root: bytes, owner: str) -> Held:
    """Read the marker of a unit. Raises Failed where it is not one that is to be taken over."""
    where = f"{to_text(marker_name(root))} at {session.server}"
    marker = (await read_units(session, apex, {root: ()})).marker(root)
    found = held(marker) if marker else None
    if found is None:
        raise Failed(f"{where} is no marker of Rollcall: there is nothing to take over.")
    if found.found.owner != owner:
        raise Failed(f"{where} is the marker of another installation, {printable(found.found.owner)}.")
    if found.found.generation.epoch <= HIGHEST_EPOCH:
        raise Failed(f"{where} is a marker that a leader can have written: the leader sees to it by itself.")
    return found


async def _delete(session: Session, apex: bytes, root: bytes, found: Held) -> None:
    """Delete the marker that was read."""
    wire = compose(session.next_id(), apex, [UnitUpdate(root, found.expected, None)])
    rcode = (await session.send(wire)).rcode
    if rcode in PREREQUISITE_FAILED:
        raise Failed("the marker is another one by now, and nothing was changed: look at it again.")
    if rcode != Rcode.NOERROR:
        raise reasons.refusal(str(session.server), rcode, apex, session.key.name)


def _tell(
    options: GlobalOptions, zone: str, target: str, key: Key, root: bytes, found: Held, *, is_done: bool
) -> None:
    name, generation = to_text(marker_name(root)), str(found.found.generation)
    if options.json:
        write_json(
            {
                "zone": zone,
                "target": target,
                "namespace": key.namespace,
                "name": key.name,
                "marker": name,
                "generation": generation,
                "changed": is_done,
            }
        )
        return
    if is_done:
        click.echo(f"{key}: the marker {name} at {target} is deleted; the leader takes over within a minute.")
        return
    click.echo(f"{key}: the marker {name} at {target} has the generation {generation}.")
    click.echo(f"No leader gets to the epoch {found.found.generation.epoch}: somebody else wrote it.")
    click.echo(
        "--yes deletes this marker, if it is still the same. Within a minute the leader takes over what is at"
        " the names of the service there, or deletes it where the service is gone. Nothing is changed yet."
    )
