"""HAProxy: `backend` sections in a file of their own, loaded by a further `-f` after the user's own.

HAProxy has no include; whole sections are what a second file can hold. Mode, balance, timeouts and checks
come from the last `defaults` section of the user's file.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

from rollcall.model import DiscoveryFile
from rollcall.publish.files.endpoints import Endpoints, InstanceEndpoint, contents
from rollcall.publish.files.format import Block, Format
from rollcall.publish.files.names import short_name

MAX_WEIGHT = 256

_MAX_DIFFERENT = 16
"""Beyond so many different weights every scale is about as good as another."""


def _block(file: DiscoveryFile, service: Endpoints) -> Block:
    shares = scaled([endpoint.weight for endpoint in service.endpoints])
    return Block(
        service=service.key,
        opening=f"\nbackend {short_name(file.spec, service.key)}\n",
        items=tuple(map(_server, service.endpoints, shares)) or ("    # no eligible instance\n",),
        instances=len(service.endpoints),
    )


def _server(endpoint: InstanceEndpoint, share: int) -> str:
    # Pod names are unique in a namespace, as server names must be in a backend.
    return f"    server {endpoint.instance.pod.name} {endpoint.host_port} weight {share}\n"


def scaled(weights: Sequence[int]) -> list[int]:
    """Bring weights into HAProxy's range, 0 to 256. 0 stays 0 (drain); nothing else becomes 0.

    Of the scales that fit, the one that comes nearest to the shares is taken: rounding at a fixed one would
    make 1.2 % of a canary's 1 %.
    """
    largest = max(weights, default=0)
    if largest <= MAX_WEIGHT:
        return list(weights)
    tally = Counter(weight for weight in weights if weight)
    if len(tally) > _MAX_DIFFERENT:
        return [_to_scale(weight, MAX_WEIGHT, largest) for weight in weights]
    scale = min(range(MAX_WEIGHT, 0, -1), key=lambda scale: _error(tally, scale, largest))
    return [_to_scale(weight, scale, largest) for weight in weights]


def _to_scale(weight: int, scale: int, largest: int) -> int:
    return max(1, round(weight * scale / largest)) if weight else 0


def _error(tally: Mapping[int, int], scale: int, largest: int) -> float:
    """Return how far the shares of the answers are off, summed over the servers."""
    scaled = {weight: _to_scale(weight, scale, largest) for weight in tally}
    total = sum(weight * count for weight, count in tally.items())
    scaled_total = sum(scaled[weight] * count for weight, count in tally.items())
    return sum(count * abs(weight / total - scaled[weight] / scaled_total) for weight, count in tally.items())


FORMAT = Format(contents=partial(contents, protocols=("TCP",), block=_block))
