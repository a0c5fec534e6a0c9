"""nginx: `upstream` blocks for an `include` in the `http` or the `stream` block.

nginx refuses to start with an upstream that has no server, so that a service without instances gets one that
is down: requests then get a 502, and the rest of the configuration lives.
"""

from functools import partial

from rollcall.model import DiscoveryFile
from rollcall.publish.files.endpoints import Endpoints, InstanceEndpoint, contents
from rollcall.publish.files.format import Block, Format
from rollcall.publish.files.names import short_name

_NOBODY = "    server 127.0.0.1:1 down;  # no eligible instance\n"


def _block(file: DiscoveryFile, service: Endpoints) -> Block:
    name = short_name(file.spec, service.key)
    count = len(service.endpoints)
    # The zone shares the state of the servers among nginx's workers. Its name has a prefix because a
    # limit_req_zone of the same name would be an error.
    return Block(
        service=service.key,
        opening=f"upstream {name} {{\n    zone rollcall_{name} {_zone_kib(count)}k;\n",
        items=tuple(map(_server, service.endpoints)) or (_NOBODY,),
        closing="}\n",
        instances=count,
    )


def _server(endpoint: InstanceEndpoint) -> str:
    # nginx takes no weight of 0.
    share = f"weight={endpoint.weight}" if endpoint.weight else "down"
    return f"    server {endpoint.host_port} {share};\n"


def _zone_kib(servers: int) -> int:
    """Return the size of shared memory for so many servers, a power of two.

    Measured with nginx 1.31.3: 0.93 KiB a server with long IPv6 addresses. By powers of two, the size
    seldom changes: when it does, a reload forgets the state of the servers.
    """
    return 1 << max(6, (32 + servers - 1).bit_length())


FORMAT = Format(contents=partial(contents, protocols=("TCP", "UDP"), block=_block))
