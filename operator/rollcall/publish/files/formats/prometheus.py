"""Prometheus: a list of target groups, for `file_sd_configs` and `http_sd_configs`.

A group an instance, because labels belong to groups. What identifies a target is a plain label; the rest are
`__meta_` labels, which end with relabelling: a weight or a version in a series would break it at each change.
"""

from functools import partial

from rollcall.model import DiscoveryFile
from rollcall.publish.files.endpoints import Endpoints, InstanceEndpoint, contents
from rollcall.publish.files.format import Block, DocumentHead, Format, to_json

_META = "__meta_rollcall_"


def _block(_: DiscoveryFile, service: Endpoints) -> Block:
    port_name = service.port.name if service.port else ""
    items = tuple(_group(service, endpoint, port_name) for endpoint in service.endpoints)
    return Block(service.key, items, instances=len(items))


def _group(service: Endpoints, endpoint: InstanceEndpoint, port_name: str) -> str:
    instance = endpoint.instance
    meta = {
        "node": instance.node,
        "port_name": port_name,
        "version": instance.version,
        "weight": str(instance.weight),
        "zone": instance.zone,
    }
    labels = {"namespace": service.key.namespace, "service": service.key.name, "pod": instance.pod.name}
    labels |= {f"{_META}{name}": value for name, value in meta.items() if value}
    return to_json({"targets": [endpoint.host_port], "labels": labels})


def _head(_: DocumentHead) -> str:
    return "[\n"


FORMAT = Format(
    content_type="application/json",
    head=_head,
    contents=partial(contents, protocols=("TCP",), block=_block),
    tail="\n]\n",
    between_blocks=",\n",
    between_items=",\n",
    divisible=True,
)
