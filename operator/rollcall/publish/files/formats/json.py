"""JSON of our own: all that Rollcall knows of each service, for programs that read it themselves."""

from collections.abc import Sequence

from rollcall.model import DiscoveryFile, Instance, InstancePort, Members, ServicePort
from rollcall.publish.files.endpoints import in_order
from rollcall.publish.files.format import Block, Contents, DocumentHead, Format, to_json

SCHEMA = "rollcall.dev/file/v1"


def _contents(_: DiscoveryFile, services: Sequence[Members]) -> Contents:
    return Contents([_block(members) for members in services], [])


def _block(members: Members) -> Block:
    service: dict[str, object] = {
        "namespace": members.key.namespace,
        "name": members.key.name,
        "ports": list(map(_port, members.ports)),
    }
    if members.draining:
        service["draining"] = [_fields(instance) for instance in in_order(members.draining)]
        service["drainSeconds"] = members.drain_seconds
    opening = to_json(service)
    instances = tuple(to_json(_fields(instance)) for instance in in_order(members.instances))
    return Block(
        service=members.key,
        opening=f'{opening[:-1]},"instances":[\n',
        items=instances,
        closing="\n]}",
        instances=len(instances),
    )


def _port(port: ServicePort | InstancePort) -> dict[str, object]:
    return {"name": port.name, "protocol": port.protocol, "port": port.number}


def _fields(instance: Instance) -> dict[str, object]:
    return {
        "pod": instance.pod.name,
        "label": instance.label,
        "ipv4": sorted(instance.ipv4),
        "ipv6": sorted(instance.ipv6),
        "ports": list(map(_port, instance.ports)),
        "node": instance.node,
        "zone": instance.zone,
        "version": instance.version,
        "weight": instance.weight,
    }


def _head(head: DocumentHead) -> str:
    fields = {
        "schema": SCHEMA,
        "file": str(head.file.key),
        "generation": head.generation,
        "digest": head.digest,
        "part": head.number,
        "parts": len(head.keys),
    }
    return f'{to_json(fields)[:-1]},"services":[\n'


FORMAT = Format(
    content_type="application/json",
    head=_head,
    contents=_contents,
    tail="\n]}\n",
    between_blocks=",\n",
    between_items=",\n",
    divisible=True,
)
