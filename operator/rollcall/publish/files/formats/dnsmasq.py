"""dnsmasq: lines of its configuration, for `conf-file` or `conf-dir`.

Names with a ttl, SRV records, and dnsmasq kept from asking its upstream for what is ours. (dnsmasq reads its
configuration at its start only; where a SIGHUP must do, use the format hosts with `addn-hosts`.)
"""

from functools import partial

from rollcall.model import DiscoveryFile
from rollcall.publish.files.dns_names import NamedService, comment_where_empty, contents
from rollcall.publish.files.format import Block, Format
from rollcall.zone.marker import marker_name
from rollcall.zone.names import to_text


def _block(file: DiscoveryFile, service: NamedService) -> Block:
    main = to_text(service.name)
    ports = {port: to_text(owner) for port, owner in service.ports.items()}
    ttl = file.spec.ttl_seconds
    # The text record below the name makes it known, so that an empty service is NODATA, not NXDOMAIN.
    marker = to_text(marker_name(service.name))
    opening = f"{comment_where_empty(service)}local=/{main}/\ntxt-record={marker},{file.key}\n"
    own: dict[str, None] = {}
    shared: dict[str, None] = {}
    for named in service.instances:
        # The first line with an address decides its PTR record: the instance's own comes first.
        instance_name = to_text(named.name)
        for address in named.addresses:
            own[f"host-record={instance_name},{address},{ttl}\n"] = None
            if named.answered:
                shared[f"host-record={main},{address},{ttl}\n"] = None
        for port in named.instance.ports:
            if owner := ports.get((port.name, port.protocol)):
                shared[f"srv-host={owner},{instance_name},{port.number},0,{named.instance.weight}\n"] = None
    return Block(service.key, (*own, *shared), len(service.instances), opening)


FORMAT = Format(contents=partial(contents, block=_block), divisible=True)
