"""The checks of `rollcall check` that concern addresses: free for `rollcall run`, or answering already."""

import asyncio

import aiohttp
import dns.name
import dns.rdatatype

from rollcall.config import DNS_LISTEN, HTTP_LISTEN
from rollcall.kube import KubeError
from rollcall.serve.errors import ListenError
from rollcall.serve.sockets import open_listener, open_sockets
from rollcall.zone.serial import is_newer

from .advice import INSTALL, advice
from .ask import Nameserver, NoReply, ask
from .checks import Level, Line
from .cluster import connected
from .objects import ZoneObject
from .options import GlobalOptions

HTTP_SECONDS = 3.0

_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # to ask a server that listens on all addresses


async def check_dns(options: GlobalOptions, given: str | None, zones: list[ZoneObject]) -> list[Line]:
    """Check that DNS is answered on this machine; or can be, and is in the cluster."""
    wanted = given or DNS_LISTEN
    try:
        for pair in open_sockets(wanted, 1):
            pair.close()
    except ListenError as error:
        try:
            return [await _answers("dns port", _local(wanted), zones)]
        except (NoReply, ValueError):
            return [_taken("dns port", str(error), chosen=given is not None)]
    free = Line(Level.OK, "dns port", f"{wanted} is free for `rollcall run`")
    return [free, *await _check_services(options, zones)]


async def _check_services(options: GlobalOptions, zones: list[ZoneObject]) -> list[Line]:
    """Check that Rollcall's DNS Service answers, as far as one can tell from here."""
    try:
        async with connected(options) as cluster:
            found = await cluster.dns_servers(options.namespace)
    except KubeError as error:
        return [Line(Level.WARN, "dns service", advice(error))]
    if not found:
        message = "There is no DNS Service of Rollcall in the cluster, and nobody answers on this machine."
        return [Line(Level.WARN, "dns service", message, f"Install it: {INSTALL}, or `rollcall run` here.")]
    lines = []
    for name, address in found.items():
        try:
            lines.append(await _answers(f"dns service {name}", Nameserver(*address), zones))
        except NoReply as error:
            look = "Inside it, look: kubectl get pods -A -l app.kubernetes.io/name=rollcall"
            message = f"{error}. That is usual outside the cluster."
            lines.append(Line(Level.WARN, f"dns service {name}", message, look))
    return lines


async def _answers(check: str, server: Nameserver, zones: list[ZoneObject]) -> Line:
    """Ask a DNS server for the version of each zone. Raises NoReply."""
    if not zones:
        await ask(server, dns.name.root, dns.rdatatype.SOA)
        return Line(Level.OK, check, f"{server} answers; there is no zone to ask it for")
    behind = []
    for zone in zones:
        domain = zone.spec.domain
        reply = await ask(server, dns.name.from_text(domain), dns.rdatatype.SOA)
        serial = next((rdata.serial for rrset in reply.message.answer for rdata in rrset), None)
        if serial is None:
            behind.append(f"{domain} ({reply.rcode})")
        elif is_newer(zone.status.serial, serial):
            behind.append(f"{domain} (serial {serial}, the status says {zone.status.serial})")
    if not behind:
        return Line(Level.OK, check, f"{server} answers for all zones")
    return Line(
        Level.WARN,
        check,
        f"{server} answers, but not, or not the latest, for {', '.join(behind)}.",
        "It is another server, or it has not caught up: look at its log.",
    )


async def check_http(given: str | None) -> Line:
    """Check that HTTP is answered on this machine, or can be."""
    wanted = given or HTTP_LISTEN
    try:
        server = _local(wanted)
        open_listener(wanted).close()
    except ValueError as error:
        return Line(Level.FAIL, "http port", str(error))
    except ListenError as error:
        try:
            return await _ready(server)
        except (aiohttp.ClientError, OSError, ValueError):
            return _taken("http port", str(error), chosen=given is not None)
    return Line(Level.OK, "http port", f"{wanted} is free for `rollcall run`")


async def _ready(server: Nameserver) -> Line:
    """Ask Rollcall's HTTP pages whether it is ready. Raises ValueError where they are somebody else's."""
    async with (
        asyncio.timeout(HTTP_SECONDS),
        aiohttp.ClientSession(f"http://{server}", trust_env=False) as session,
    ):
        async with session.get("/") as index:
            if not (await index.text()).startswith("Rollcall\n"):
                raise ValueError("another program")
        async with session.get("/readyz") as ready:
            if ready.status == 200:
                return Line(Level.OK, "http port", f"{server} is ready")
            return Line(Level.WARN, "http port", f"{server} is not ready: {(await ready.text()).strip()}")


def _local(listen: str) -> Nameserver:
    """Return where to ask a server that listens on an address. Raises ValueError."""
    server = Nameserver.parse(f"127.0.0.1{listen}" if listen.rfind(":") == 0 else listen)
    return Nameserver(_LOOPBACK.get(server.host, server.host), server.port)


def _taken(check: str, message: str, *, chosen: bool) -> Line:
    """Make the line for an address that can't be listened on.

    It is a failure only where the address was chosen: with the default one, perhaps nobody means to run
    Rollcall on this machine.
    """
    return Line(Level.FAIL if chosen else Level.WARN, check, message)
