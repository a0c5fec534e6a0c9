"""EndpointSlices, from the API to the model, watched only where a Service without a selector is wanted.

The names are those of discovery.k8s.io/v1. Lists may be null there, and a port may lack name and number.
"""

from sys import intern

import msgspec

from rollcall.model import Endpoint, EndpointSlice, InstancePort, Key

from .resource import Resource
from .wire import ObjectMeta, WireKind

SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
CONTROLLER = "endpointslice-controller.k8s.io"
"""What writes the slices of Services that have a selector: we read their pods."""

SELECTOR = f"{SERVICE_NAME},{MANAGED_BY}!={CONTROLLER}"
"""The labels of those that we follow."""


class WireConditions(msgspec.Struct, frozen=True, gc=False):
    """`conditions` of an endpoint; nil is to be read as ready, serving, and not terminating."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class WireEndpoint(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """One of `endpoints`."""

    addresses: tuple[str, ...] | None = None
    conditions: WireConditions = WireConditions()
    hostname: str | None = None
    node_name: str | None = None
    zone: str | None = None


class WireEndpointPort(msgspec.Struct, frozen=True, gc=False):
    """One of `ports`."""

    name: str | None = None
    protocol: str | None = None
    port: int | None = None


class WireEndpointSlice(WireKind, rename="camel", frozen=True, gc=False):
    """An EndpointSlice."""

    metadata: ObjectMeta
    address_type: str = ""
    endpoints: tuple[WireEndpoint, ...] | None = None
    ports: tuple[WireEndpointPort, ...] | None = None


def _endpoint_slice(wire: WireEndpointSlice, key: Key) -> EndpointSlice:
    meta = wire.metadata
    return EndpointSlice(
        key=key,
        uid=meta.uid,
        service=meta.labels.get(SERVICE_NAME, ""),
        address_type=intern(wire.address_type),
        endpoints=tuple(map(_endpoint, wire.endpoints or ())),
        ports=tuple(
            InstancePort(intern(port.name or ""), intern(port.protocol or "TCP"), port.port)
            for port in wire.ports or ()
            if port.port
        ),
    )


def _endpoint(wire: WireEndpoint) -> Endpoint:
    return Endpoint(
        addresses=wire.addresses or (),
        ready=wire.conditions.ready is not False,
        serving=wire.conditions.serving is not False,
        terminating=wire.conditions.terminating is True,
        hostname=wire.hostname or "",
        node=intern(wire.node_name or ""),
        zone=intern(wire.zone or ""),
    )


ENDPOINT_SLICES = Resource(
    "discovery.k8s.io/v1", "endpointslices", "EndpointSlice", WireEndpointSlice, _endpoint_slice
)
