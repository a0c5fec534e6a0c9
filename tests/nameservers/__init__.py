"""Real DNS servers for tests, each started from the configuration that its page in docs/how-to/ shows.

    with serving(Bind.primary(tmp_path / "bind", SHARED, REVERSE_ZONE)) as [server]:
        send(server, dns.update.UpdateMessage("example.com"))

`primary` takes updates with KEY; `secondary` and `catalog_consumer` fetch zones from an address and port.
"""

from nameservers.asking import Records, ask, data, notify, records, send, serial, tsig_key, wait_until
from nameservers.bind import Bind
from nameservers.coredns import CoreDNS
from nameservers.faults import Delay, Fault, FaultProxy
from nameservers.knot import Knot
from nameservers.nameserver import Nameserver
from nameservers.nsd import Nsd
from nameservers.powerdns import PowerDNS
from nameservers.serving import serving
from nameservers.snippets import CATALOG, DOMAIN, KEY, PARENT, REVERSE, snippet
from nameservers.zones import DEDICATED, REVERSE_ZONE, SHARED, Kind, Zone

__all__ = [
    "CATALOG",
    "DEDICATED",
    "DOMAIN",
    "KEY",
    "PARENT",
    "REVERSE",
    "REVERSE_ZONE",
    "SHARED",
    "Bind",
    "CoreDNS",
    "Delay",
    "Fault",
    "FaultProxy",
    "Kind",
    "Knot",
    "Nameserver",
    "Nsd",
    "PowerDNS",
    "Records",
    "Zone",
    "ask",
    "data",
    "notify",
    "records",
    "send",
    "serial",
    "serving",
    "snippet",
    "tsig_key",
    "wait_until",
]
