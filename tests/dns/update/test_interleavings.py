"""A thousand orders in which two and three writers read and write, at each server.

A writer may stop before it reads, between that and its write, before it sees the answer; its message may be
lost, arrive after others have written, or take effect without its knowing; it may end and begin again. After
each message that reached the server, its markers are read by somebody else. Half of it goes without a Lease:
every writer believes that it leads, always.

What a seed decides is the same again in each run; a failure names the seed and what was done.
"""

import asyncio
from collections.abc import Callable, Iterator
from random import Random

import pytest

from nameservers import Bind, Knot, Nameserver, PowerDNS, Records, Zone, records, serving
from rollcall.publish.update.marker import Generation, parse
from rollcall.publish.update.readback import read_markers
from rollcall.zone.names import from_text
from updates import Fence, Source, many, running, text_of

from .writers import Fate, Waiting, Writer, deliver, gated, observer

ORDERS = {Bind: 220, Knot: 220, PowerDNS: 60}
"""Without a Lease, and as many with one."""
AT_A_TIME = 12
IN_A_ZONE = 10
SERVICES = ("web.shop", "api.shop", "db.ops", "app.shop")
"""The last one has a name that somebody else has."""
OTHERS = """\
{0} 300 TXT "made by hand"
printer.{0} 300 A 198.51.100.12
shop.{0} 300 TXT "made by hand"
app.shop.{0} 300 A 198.51.100.13
a-app.shop.{0} 300 TXT "heritage=external-dns,external-dns/owner=us,external-dns/resource=ingress/shop/app"
"""
