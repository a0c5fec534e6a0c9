"""Envoy: a DiscoveryResponse with a ClusterLoadAssignment for each service.

Envoy's file subscription takes a response with exactly one assignment ("Unexpected EDS resource length"), so
that in a ConfigMap each service has a key of its own.
"""

from functools import partial
from itertools import groupby

from rollcall.model import DiscoveryFile
from rollcall.publish.files.endpoints import Endpoints, InstanceEndpoint, contents
from rollcall.publish.files.format import Block, DocumentHead, Format, to_json
from rollcall.publish.files.names import short_name

_TYPE = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"


def _block(file: DiscoveryFile, service: Endpoints) -> Block:
    protocol = service.port.protocol if service.port else "TCP"
    by_zone = sorted(service.endpoints, key=lambda endpoint: endpoint.instance.zone)
    localities = [
        _locality(zone, [_endpoint(endpoint, protocol) for endpoint in group])
        for zone, group in groupby(by_zone, key=lambda endpoint: endpoint.instance.zone)
    ]
    opening = to_json({"@type": _TYPE, "cluster_name": short_name(file.spec, service.key)})
    text = f'{opening[:-1]},"endpoints":[{",".join(localities)}]}}'
    return Block(service.key, (text,), instances=len(service.endpoints))


def _locality(zone: str, lb_endpoints: list[str]) -> str:
    locality = f'"locality":{to_json({"zone": zone})},' if zone else ""
    lines = ",\n".join(lb_endpoints)
    return f'\n{{{locality}"lb_endpoints":[\n{lines}\n]}}'


def _endpoint(endpoint: InstanceEndpoint, protocol: str) -> str:
    socket_address = {
        "protocol": protocol,
        "address": str(endpoint.address),
        "port_value": endpoint.port,
    }
    return to_json(
        {
            "endpoint": {"address": {"socket_address": socket_address}},
            # Envoy takes no weight of 0. Draining is what it means: no new requests.
            "health_status": "HEALTHY" if endpoint.weight else "DRAINING",
            "load_balancing_weight": max(1, endpoint.weight),
        }
    )


def _head(head: DocumentHead) -> str:
    return f'{{"version_info": "{head.digest}", "resources": [\n'


FORMAT = Format(
    content_type="application/json",
    head=_head,
    contents=partial(contents, protocols=("TCP", "UDP"), block=_block),
    tail="\n]}\n",
    between_blocks=",\n",
    file_each=True,
)
