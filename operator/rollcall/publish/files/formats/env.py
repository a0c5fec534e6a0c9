"""Environment variables: for `docker --env-file`, systemd's EnvironmentFile and `.` in a shell.

    WEB_COUNT=2
    WEB_HOSTS=10.0.0.1:8080,[fd00::1]:8080
    WEB_0_HOST=10.0.0.1
    WEB_0_PORT=8080

No value needs quotes, which these readers treat differently. There is a count because a shell that reads the
file again keeps the variables of instances that are gone.
"""

import re
from collections import defaultdict
from collections.abc import Sequence

from rollcall.model import DiscoveryFile, FileSpec, Key, Members
from rollcall.publish.files.endpoints import Endpoints, InstanceEndpoint, in_order, resolve
from rollcall.publish.files.format import Block, Contents, Format, LeftOut
from rollcall.publish.files.names import short_name

_PROTOCOLS = ("TCP", "UDP", "SCTP")


def _contents(file: DiscoveryFile, services: Sequence[Members]) -> Contents:
    by_prefix: dict[str, list[Members]] = defaultdict(list)
    for members in services:
        by_prefix[prefix_of(file.spec, members.key)].append(members)
    result = Contents([], [])
    for prefix, sharing in by_prefix.items():
        if len(sharing) > 1:
            result.left_out.extend(_collisions(prefix, [members.key for members in sharing]))
            continue
        if service := _resolve(sharing[0], file.spec.port, result.left_out):
            result.blocks.append(_block(prefix, service))
    return result


def prefix_of(spec: FileSpec, key: Key) -> str:
    """Return what the variables of a service begin with (POSIX: letters, digits and underscores)."""
    prefix = re.sub("[^A-Z0-9]", "_", short_name(spec, key).upper())
    return f"_{prefix}" if prefix[0].isdigit() else prefix


def _resolve(members: Members, wanted: str, left_out: list[LeftOut]) -> Endpoints | None:
    if members.ports or wanted:
        return resolve(members, wanted, _PROTOCOLS, left_out)
    found = [instance for instance in in_order(members.instances) if instance.addresses]
    bare = tuple(InstanceEndpoint.of(instance, None, instance.weight) for instance in found)
    return Endpoints(members.key, None, bare)


def _block(prefix: str, service: Endpoints) -> Block:
    # There is no place for a weight here; an instance of weight 0 must get no requests, so it isn't named.
    # Nor is one that a canary release keeps out of where there are no weights.
    taken = [e for e in service.endpoints if e.weight and e.instance.listed] or list(service.endpoints)
    lines = [
        f"{prefix}_COUNT={len(taken)}\n",
        f"{prefix}_HOSTS={','.join(endpoint.host_port for endpoint in taken)}\n",
    ]
    for number, endpoint in enumerate(taken):
        lines.append(f"{prefix}_{number}_HOST={endpoint.address}\n")
        if endpoint.port is not None:
            lines.append(f"{prefix}_{number}_PORT={endpoint.port}\n")
    return Block(service.key, tuple(lines), instances=len(taken))


def _collisions(prefix: str, keys: Sequence[Key]) -> list[LeftOut]:
    names = " and ".join(map(str, keys))
    message = (
        f"The services {names} would all be {prefix}_…, so none is in the file:"
        " select one of them here and the others in a file of their own."
    )
    return [LeftOut(key, "NameCollision", message) for key in keys]


FORMAT = Format(contents=_contents)
