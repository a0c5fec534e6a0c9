"""HAProxy: `backend` sections in a file of their own, loaded by a further `-f` after the user's own.

HAProxy has no include; whole sections are what a second file can hold. Mode, balance, timeouts and checks
come from the last `defaults` section of the user's file.
"""

from collections.abc import Sequence

from rollcall.model import DiscoveryFile, Members

from . import endpoints
from .endpoints import Endpoint, Endpoints
from .names import short_name
from .rendering import Block, Contents, Renderer, comment

MAX_WEIGHT = 256


def _contents(file: DiscoveryFile, services: Sequence[Members]) -> Contents:
    return endpoints.contents(file, services, ("TCP",), _block)


def _block(file: DiscoveryFile, service: Endpoints) -> Block:
    shares = scaled([endpoint.weight for endpoint in service.endpoints])
    return Block(
        service=service.key,
        opening=f"\nbackend {short_name(file.spec, service.key)}\n",
        items=tuple(map(_server, service.endpoints, shares)) or ("    # no eligible instance\n",),
        instances=len(service.endpoints),
    )


def _server(endpoint: Endpoint, share: int) -> str:
    # Pod names are unique in a namespace, as server names must be in a backend.
    return f"    server {endpoint.instance.pod.name} {endpoint.host_port} weight {share}\n"


def scaled(weights: Sequence[int]) -> list[int]:
    """Bring weights into HAProxy's range, 0 to 256. 0 stays 0 (drain); nothing else becomes 0."""
    largest = max(weights, default=0)
    if largest <= MAX_WEIGHT:
        return list(weights)
    return [max(1, round(weight * MAX_WEIGHT / largest)) if weight else 0 for weight in weights]


RENDERER = Renderer(content_type="text/plain", head=comment, contents=_contents)
