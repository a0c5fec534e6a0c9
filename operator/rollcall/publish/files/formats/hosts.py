"""hosts(5): for CoreDNS' `hosts`, dnsmasq's `addn-hosts` and any resolver that reads such a file.

The name of the instance comes first: readers take the first name of a line for the reverse lookup.
"""

from functools import partial

from rollcall.model import DiscoveryFile
from rollcall.publish.files.dns_names import NamedService, comment_where_empty, contents
from rollcall.publish.files.format import Block, Format
from rollcall.zone.names import to_text


def _block(_: DiscoveryFile, service: NamedService) -> Block:
    alias = f" {to_text(service.name)}"
    lines: dict[str, None] = {}
    for named in service.instances:
        names = f"{to_text(named.name)}{alias if named.answered else ''}"
        for address in named.addresses:
            lines[f"{address}\t{names}\n"] = None
    return Block(
        service=service.key,
        items=tuple(lines),
        instances=len(service.instances),
        opening=comment_where_empty(service),
    )


FORMAT = Format(contents=partial(contents, block=_block), divisible=True)
