"""What others put at, above and below the name of a service: what is hidden by it, and that no other waits.

The same comes of it whether the server serves transfers or not, and whether the service or the others came
first. A wildcard is no reason for anything: what it shows is not there. Each case has a domain of its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import dns.update
import pytest

from nameservers import Bind, Knot, Nameserver, PowerDNS, Zone, ask, data, send, serving
from rollcall.propagation.report import CURRENT
from rollcall.publish.update import reader, worker
from rollcall.publish.update.reasons import UpdateReason
from updates import Source, many, running
from updates.running import Running
from waiting import until

ZONE = "z.example.com"
_numbers = count()

Record = tuple[str, str, str]
"""Owner below our domain, type and data."""

Data = set[Record]


@dataclass(frozen=True)
class Case:
    """What others have, and what then is with the service web.shop. `hides` are names of it that are away."""

    record: Record
    reason: str = CURRENT
    hides: tuple[str, ...] = ()


WEB = "web.shop"
INSTANCES = ("10-0-0-1.web.shop", "10-0-0-2.web.shop")
ALL = (WEB, *INSTANCES, "_http._tcp.web.shop")

CASES = {
    "wildcard": Case(("*", "A", "198.51.100.1")),
    "wildcard of text": Case(("*", "TXT", '"hello"')),
    "wildcard CNAME": Case(("*", "CNAME", "www.example.net.")),
    "wildcard of the namespace": Case(("*.shop", "CNAME", "www.example.net.")),
    "wildcard of the service": Case(("*.web.shop", "A", "198.51.100.1")),
    "delegation of the namespace": Case(("shop", "NS", "ns.example.net."), UpdateReason.OCCLUDED, ALL),
    "delegation of the service": Case((WEB, "NS", "ns.example.net."), UpdateReason.OCCLUDED, ALL),
    "delegation of ports": Case(
        ("_tcp.web.shop", "NS", "ns.example.net."), UpdateReason.OCCLUDED, ("_http._tcp.web.shop",)
    ),
    "DNAME of the namespace": Case(("shop", "DNAME", "example.net."), UpdateReason.OCCLUDED, ALL),
    "DNAME of the service": Case((WEB, "DNAME", "example.net."), UpdateReason.OCCLUDED, ALL),
    "CNAME of the namespace": Case(("shop", "CNAME", "www.example.net.")),
    "CNAME of the service": Case((WEB, "CNAME", "www.example.net."), UpdateReason.NAMES_TAKEN, (WEB,)),
    "CNAME of an instance": Case(
        (INSTANCES[0], "CNAME", "www.example.net."), UpdateReason.NAMES_TAKEN, INSTANCES[:1]
    ),
    "empty non-terminal": Case(("x.y.web.shop", "TXT", '"hello"')),
}


def primary(kind: Any, folder: Path) -> Nameserver:
    """Return a server with one zone, where our key may write what others write."""
    server: Nameserver = kind.primary(folder, Zone(ZONE))
    server.config = server.config.replace("A AAAA SRV TXT", "ANY").replace(
        "    update-type: [A, AAAA, SRV, TXT]\n", ""
    )
    return server


@contextmanager
def serving_names_alone(server: Nameserver) -> Iterator[None]:
    """Run a server that serves no transfers."""
    server.config = server.config.replace("allow-transfer { key rollcall; }", "allow-transfer { none; }")
    server.config = server.config.replace(f", rollcall-read-{ZONE}", "")
    with serving(server):
        if isinstance(server, PowerDNS):
            server.pdnsutil("set-meta", ZONE, "TSIG-ALLOW-AXFR", "nobody")
        yield


@pytest.fixture(
    scope="module",
    params=[(kind, reads) for kind in (Bind, Knot, PowerDNS) for reads in (True, False)],
    ids=lambda each: f"{each[0].__name__}-{'transfers' if each[1] else 'names'}",
)
def server(request, tmp_path_factory) -> Iterator[Nameserver]:
    """Start a server that serves transfers, or doesn't."""
    kind, has_transfers = request.param
    server = primary(kind, tmp_path_factory.mktemp("server"))
    if has_transfers:
        with serving(server) as [started]:
            yield started
    else:
        with serving_names_alone(server):
            yield server


@pytest.fixture
def domain(monkeypatch) -> str:
    """Give a domain that no test has used. A rest after a failure takes longer than any test waits."""
    monkeypatch.setattr(worker, "FIRST_RETRY_SECONDS", worker.LAST_RETRY_SECONDS)
    monkeypatch.setattr(reader, "PAUSE_SECONDS", 0.0)
    return f"c{next(_numbers)}.{ZONE}"


def put(server: Nameserver, domain: str, record: Record) -> bool:
    """Let others put a record in place of what is at its name, if it may not stand beside it."""
    owner, kind, value = record
    message = dns.update.UpdateMessage(ZONE)
    if kind == "CNAME":
        message.delete(f"{owner}.{domain}.")
    message.add(f"{owner}.{domain}.", 300, kind, value)
    return bool(send(server, message).rcode() == 0)


def take_away(server: Nameserver, domain: str, record: Record) -> None:
    """Let others delete it again."""
    message = dns.update.UpdateMessage(ZONE)
    message.delete(f"{record[0]}.{domain}.", record[1])
    assert send(server, message).rcode() == 0


def answered(server: Nameserver, source: Source, domain: str, service: str) -> Data:
    """Return which records of a service are answered."""
    keys = {each[:2] for each in records_of(source, domain, service, ())}
    return {(*key, each) for key in keys for each in data(server, f"{key[0]}.{domain}", key[1])}


def records_of(source: Source, domain: str, service: str, without: tuple[str, ...]) -> Data:
    """Return which records of a service have to be answered."""
    records = {
        (owner.removesuffix(f".{domain}."), kind, each)
        for owner, _, kind, each in source.records()
        if f".{owner}".endswith(f".{service}.{domain}.")
    }
    return {each for each in records if each[0] not in without}


async def is_answered(server: Nameserver, source: Source, domain: str) -> bool:
    """Whether all records of web.shop are answered."""
    return answered(server, source, domain, WEB) == records_of(source, domain, WEB, ())


def is_there(server: Nameserver, domain: str, record: Record) -> bool:
    """Whether what others have put there is as they left it."""
    answer = ask(server, f"{record[0]}.{domain}.", record[1])
    text = "\n".join(map(str, (*answer.answer, *answer.authority)))
    return f"IN {record[1]} {record[2]}" in text


def is_processed(server: Nameserver, case: Case) -> bool:
    """Whether a server answers as the record says: PowerDNS follows no DNAME without `dname-processing`."""
    return not (isinstance(server, PowerDNS) and case.record[1] == "DNAME")


async def flip(it: Running, server: Nameserver, domain: str, service: str, number: int) -> None:
    """Change another service, and see it change."""
    it.source.service(service, many(number, "10.1.0.1"))
    await it.until(lambda report: report.serial == it.source.serial)
    assert len(data(server, f"{service}.{domain}", "A")) == number


async def ends_right(it: Running, server: Nameserver, domain: str, case: Case) -> None:
    """See what has come of a case, that others are served meanwhile, and that it ends with its cause."""
    said = await it.until(lambda report: (report.reason, report.serial) == (case.reason, it.source.serial))
    assert said.healthy == (case.reason == CURRENT)
    if case.reason != CURRENT:
        assert f"{case.record[0]}.{domain}" in said.message
    await flip(it, server, domain, "api.ops", 3)
    await it.repaired()
    assert is_there(server, domain, case.record)
    if is_processed(server, case):
        found = answered(server, it.source, domain, WEB)
        if case.record == (WEB, "DNAME", "example.net."):  # which hides what is below it
            found = {each for each in found if each[0] != WEB}
        assert found == records_of(it.source, domain, WEB, case.hides)
    it.source.service(WEB, many(3))
    await it.until(lambda report: report.serial == it.source.serial)
    if case.reason == CURRENT:
        assert answered(server, it.source, domain, WEB) == records_of(it.source, domain, WEB, ())
    take_away(server, domain, case.record)
    await it.repaired()
    await it.current()
    assert answered(server, it.source, domain, WEB) == records_of(it.source, domain, WEB, ())
    assert {report.reason for report in it.reports} <= {CURRENT, "Behind", case.reason}


@pytest.mark.parametrize("name", CASES)
async def test_before(name: str, server: Nameserver, domain: str) -> None:
    """The others were there first."""
    case = CASES[name]
    assert put(server, domain, case.record)
    source = Source(domain)
    source.services({WEB: many(2), "api.ops": many(2, "10.1.0.1")})
    async with running(source, server) as it:
        await ends_right(it, server, domain, case)


@pytest.mark.parametrize(
    "name",
    ["wildcard CNAME", "delegation of the namespace", "DNAME of the namespace", "CNAME of the service"],
)
async def test_between(name: str, server: Nameserver, domain: str) -> None:
    """The others come when we have read the zone, and before there is the service."""
    case = CASES[name]
    source = Source(domain)
    source.service("api.ops", many(2, "10.1.0.1"))
    async with running(source, server) as it:
        await it.current()
        assert put(server, domain, case.record)
        source.service(WEB, many(2))
        await it.until(lambda report: report.serial == source.serial)
        await it.repaired()
        await ends_right(it, server, domain, case)


@pytest.mark.parametrize("name", CASES)
async def test_after(name: str, server: Nameserver, domain: str) -> None:
    """The service was there first. Knot takes no DNAME above names that exist."""
    case = CASES[name]
    source = Source(domain)
    source.services({WEB: many(2), "api.ops": many(2, "10.1.0.1")})
    async with running(source, server) as it:
        await it.current()
        if not put(server, domain, case.record):
            assert isinstance(server, Knot)
            assert case.record[1] == "DNAME"
            return
        await flip(it, server, domain, "api.ops", 3)
        await it.repaired()
        await ends_right(it, server, domain, case)


@pytest.mark.parametrize("kind", ["NS", "CNAME", "DNAME"])
async def test_beside(kind: str, server: Nameserver, domain: str) -> None:
    """What others have at another name is nothing to a service."""
    assert put(server, domain, ("other.shop", kind, "www.example.net."))
    source = Source(domain)
    source.service(WEB, many(2))
    async with running(source, server) as it:
        await it.current()
        await it.repaired()
        assert {report.reason for report in it.reports} <= {CURRENT, "Behind"}
        assert answered(server, source, domain, WEB) == records_of(source, domain, WEB, ())


@pytest.mark.parametrize("value", ["* CNAME www.example.net.", "{} CNAME www.example.net.", "* TXT hello"])
@pytest.mark.parametrize("kind", [Bind, Knot, PowerDNS])
async def test_above_the_domain(kind: Any, value: str, tmp_path: Path) -> None:
    """The zone that holds the domain is found, also where a CNAME answers in its place."""
    source = Source(f"k8s.{ZONE}")
    source.service(WEB, many(2))
    zone = Zone(ZONE).holding(value.format("k8s"))
    with serving(kind.primary(tmp_path, zone)) as [server]:
        async with running(source, server) as it:
            await it.current()
            await it.repaired()
            assert answered(server, source, f"k8s.{ZONE}", WEB) == records_of(source, f"k8s.{ZONE}", WEB, ())


@pytest.mark.parametrize("domain", [ZONE, f"k8s.{ZONE}"])
@pytest.mark.parametrize(
    ("kind", "record"),
    [
        (Bind, "* DNAME example.net."),  # a wildcard NS it takes from nobody, a wildcard DNAME from its file
        (Knot, "* DNAME example.net."),
        (PowerDNS, "* DNAME example.net."),
        (PowerDNS, "* NS ns.example.net."),
    ],
)
async def test_a_cut_that_a_wildcard_shows(kind: Any, record: str, domain: str, tmp_path: Path) -> None:
    """It is at no name that doesn't exist yet, and hides nothing that is published there."""
    source = Source(domain)
    source.services({WEB: many(2), "api.ops": many(2, "10.1.0.1")})
    server = kind.primary(tmp_path, Zone(ZONE).holding(record))
    with serving_names_alone(server):
        async with running(source, server) as it:
            await it.current()
            await it.repaired()
            await flip(it, server, domain, "api.ops", 3)
            assert answered(server, source, domain, WEB) == records_of(source, domain, WEB, ())
            assert {report.reason for report in it.reports} <= {CURRENT, "Behind"}


@pytest.mark.parametrize(
    "record", ["k8s NS ns.example.net.", "k8s DNAME example.net.", "@ DNAME example.net."]
)
@pytest.mark.parametrize("kind", [Bind, Knot])
async def test_the_domain_is_hidden(kind: Any, record: str, tmp_path: Path) -> None:
    source = Source(f"k8s.{ZONE}")
    source.service(WEB, many(2))
    with serving(kind.primary(tmp_path, Zone(ZONE).holding(record))) as [server]:
        async with running(source, server) as it:
            said = await it.said(UpdateReason.OCCLUDED)
            assert (ZONE if record[0] == "@" else f"k8s.{ZONE}") in said.message


async def test_a_record_among_what_a_wildcard_shows(server: Nameserver, domain: str) -> None:
    """Of names that look the same, those that exist are found: they alone stay with the others."""
    source = Source(domain)
    addresses = many(40)
    source.services({WEB: addresses, "api.ops": many(2, "10.1.0.1")})
    theirs = [f"{str(address).replace('.', '-')}.{WEB}" for address in addresses[7::10]]
    assert put(server, domain, ("*", "TXT", '"hello"'))
    for owner in theirs:
        assert put(server, domain, (owner, "TXT", '"hello"'))
    async with running(source, server) as it:
        said = await it.said(UpdateReason.NAMES_TAKEN)
        assert said.message.startswith("4 names exist at the server")
        assert all(owner in said.message for owner in theirs)
        assert answered(server, source, domain, WEB) == records_of(source, domain, WEB, tuple(theirs))
        await flip(it, server, domain, "api.ops", 3)
        for owner in theirs:
            take_away(server, domain, (owner, "TXT", ""))
        await it.repaired()
        await it.current()
        assert answered(server, source, domain, WEB) == records_of(source, domain, WEB, ())


async def test_what_is_deleted_comes_back_under_a_wildcard(server: Nameserver, domain: str) -> None:
    """The repair: at a name that somebody has deleted the wildcard answers."""
    source = Source(domain)
    source.service(WEB, many(2))
    assert put(server, domain, ("*", "CNAME", "www.example.net."))
    async with running(source, server) as it:
        await it.current()
        message = dns.update.UpdateMessage(ZONE)
        for owner in ("_rollcall.web.shop", WEB, *INSTANCES):
            message.delete(f"{owner}.{domain}.")
        assert send(server, message).rcode() == 0
        await it.repaired()
        await until(lambda: is_answered(server, source, domain))
        await it.repaired()
        assert {report.reason for report in it.reports} <= {CURRENT, "Behind"}


@pytest.mark.parametrize("kind", ["CNAME", "PTR"])
async def test_something_else_at_the_marker(kind: str, server: Nameserver, domain: str) -> None:
    """Nothing can be fenced there, so that nothing is written; and said as names that are taken."""
    record = ("_rollcall.web.shop", kind, "www.example.net.")
    assert put(server, domain, record)
    source = Source(domain)
    source.services({WEB: many(2), "api.ops": many(2, "10.1.0.1")})
    async with running(source, server) as it:
        said = await it.said(UpdateReason.NAMES_TAKEN)
        assert f"_rollcall.web.shop.{domain}" in said.message
        await flip(it, server, domain, "api.ops", 3)
        assert answered(server, source, domain, WEB) == set()
        take_away(server, domain, record)
        await it.repaired()
        await it.current()
        assert answered(server, source, domain, WEB) == records_of(source, domain, WEB, ())
