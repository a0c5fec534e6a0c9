"""hosts(5): for CoreDNS' `hosts`, dnsmasq's `addn-hosts` and any resolver that reads such a file.

The name of the instance comes first: readers take the first name of a line for the reverse lookup.
"""

from collections.abc import Sequence

from rollcall.model import DiscoveryFile, Members
from rollcall.zone.names import to_text

from .named import Named, comment_where_empty, contents
from .names import domain_of
from .rendering import Block, Contents, Renderer, comment


def _contents(file: DiscoveryFile, services: Sequence[Members]) -> Contents:
    return contents(domain_of(file.spec), services, _block)


def _block(service: Named) -> Block:
    alias = f" {to_text(service.name)}"
    lines: dict[str, None] = {}
    for instance, name, answered in service.instances:
        names = f"{to_text(name)}{alias if answered else ''}"
        for address in sorted(instance.ipv4) + sorted(instance.ipv6):
            lines[f"{address}\t{names}\n"] = None
    return Block(
        service=service.key,
        items=tuple(lines),
        instances=len(service.instances),
        opening=comment_where_empty(service),
    )


RENDERER = Renderer(content_type="text/plain", head=comment, contents=_contents, divisible=True)
