"""Envoy: a DiscoveryResponse with a ClusterLoadAssignment for each service.

Envoy's file subscription takes a response with exactly one assignment ("Unexpected EDS resource length"), so
that in a ConfigMap each service has a key of its own.
"""

from collections.abc import Sequence
from itertools import groupby

import msgspec

from rollcall.model import DiscoveryFile, Members

from . import endpoints
from .endpoints import Endpoint, Endpoints
from .names import short_name
from .rendering import Block, Contents, Head, Renderer

_TYPE = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"


def _contents(file: DiscoveryFile, services: Sequence[Members]) -> Contents:
    return endpoints.contents(file, services, ("TCP", "UDP"), _block)


def _block(file: DiscoveryFile, service: Endpoints) -> Block:
    protocol = service.port.protocol if service.port else "TCP"
    by_zone = sorted(service.endpoints, key=lambda endpoint: endpoint.instance.zone)
    localities = [
        _locality(zone, [_endpoint(endpoint, protocol) for endpoint in group])
        for zone, group in groupby(by_zone, key=lambda endpoint: endpoint.instance.zone)
    ]
    opening = _encode({"@type": _TYPE, "cluster_name": short_name(file.spec, service.key)})
    text = f'{opening[:-1]},"endpoints":[{",".join(localities)}]}}'
    return Block(service.key, (text,), instances=len(service.endpoints))


def _locality(zone: str, lb_endpoints: list[str]) -> str:
    locality = f'"locality":{_encode({"zone": zone})},' if zone else ""
    lines = ",\n".join(lb_endpoints)
    return f'\n{{{locality}"lb_endpoints":[\n{lines}\n]}}'


def _endpoint(endpoint: Endpoint, protocol: str) -> str:
    socket_address = {
        "protocol": protocol,
        "address": str(endpoint.address),
        "port_value": endpoint.port,
    }
    return _encode(
        {
            "endpoint": {"address": {"socket_address": socket_address}},
            # A weight of 0 is no weight for Envoy. Draining is what it means: no new requests.
            "health_status": "HEALTHY" if endpoint.weight else "DRAINING",
            "load_balancing_weight": max(1, endpoint.weight),
        }
    )


def _encode(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _head(head: Head) -> str:
    return f'{{"version_info": "{head.digest}", "resources": [\n'


RENDERER = Renderer(
    content_type="application/json",
    head=_head,
    contents=_contents,
    tail="\n]}\n",
    between_blocks=",\n",
    file_each=True,
)
