"""dnsmasq: lines of its configuration, for `conf-file` or `conf-dir`.

Names with a ttl, SRV records, and dnsmasq kept from asking its upstream for what is ours. (dnsmasq reads its
configuration at its start only; where a SIGHUP must do, use the format hosts with `addn-hosts`.)
"""

from collections.abc import Sequence

from rollcall.model import DiscoveryFile, Members
from rollcall.zone.marker import marker_name
from rollcall.zone.names import to_text

from .named import Named, comment_where_empty, contents
from .names import domain_of
from .rendering import Block, Contents, Renderer, comment


def _contents(file: DiscoveryFile, services: Sequence[Members]) -> Contents:
    return contents(domain_of(file.spec), services, lambda named: _block(file, named))


def _block(file: DiscoveryFile, service: Named) -> Block:
    main = to_text(service.name)
    ports = {port: to_text(owner) for port, owner in service.ports.items()}
    ttl = file.spec.ttl_seconds
    # The text record below the name makes it known, so that an empty service is NODATA, not NXDOMAIN.
    marker = to_text(marker_name(service.name))
    opening = f"{comment_where_empty(service)}local=/{main}/\ntxt-record={marker},{file.key}\n"
    own: dict[str, None] = {}
    shared: dict[str, None] = {}
    for instance, name, answered in service.instances:
        # The first line with an address decides its PTR record: the instance's own comes first.
        instance_name = to_text(name)
        for address in sorted(instance.ipv4) + sorted(instance.ipv6):
            own[f"host-record={instance_name},{address},{ttl}\n"] = None
            if answered:
                shared[f"host-record={main},{address},{ttl}\n"] = None
        for port in instance.ports:
            if owner := ports.get((port.name, port.protocol)):
                shared[f"srv-host={owner},{instance_name},{port.number},0,{instance.weight}\n"] = None
    return Block(service.key, (*own, *shared), len(service.instances), opening)


RENDERER = Renderer(content_type="text/plain", head=comment, contents=_contents, divisible=True)
