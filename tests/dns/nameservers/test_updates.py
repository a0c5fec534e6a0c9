"""BIND, Knot and PowerDNS, set up as their pages say, take what the key may write, and nothing else."""

from collections.abc import Callable, Iterator

import dns.exception
import dns.rcode
import dns.tsig
import dns.update
import dns.xfr
import pytest

from nameservers import (
    DEDICATED,
    DOMAIN,
    KEY,
    PARENT,
    REVERSE,
    REVERSE_ZONE,
    SHARED,
    Bind,
    Knot,
    Nameserver,
    PowerDNS,
    data,
    records,
    send,
    serial,
    serving,
)

KINDS = [Bind, Knot, PowerDNS]
WEB = f"web.shop.{DOMAIN}"
Change = Callable[[dns.update.UpdateMessage], None]


@pytest.fixture(scope="module", params=KINDS)
def server(request, tmp_path_factory) -> Iterator[Nameserver]:
    """Start a server with a zone of ours, and one of reverse names."""
    folder = tmp_path_factory.mktemp("server")
    with serving(request.param.primary(folder, DEDICATED, REVERSE_ZONE)) as [running]:
        yield running


@pytest.fixture(scope="module", params=KINDS)
def shared(request, tmp_path_factory) -> Iterator[Nameserver]:
    """Start a server with a zone of others, of which our domain is a part."""
    with serving(request.param.primary(tmp_path_factory.mktemp("shared"), SHARED)) as [running]:
        yield running


def update(server: Nameserver, change: Change, zone: str = DOMAIN, key: str | None = KEY) -> str:
    """Send an update; return the code of the answer, the error in its signature, or `unsigned`."""
    message = dns.update.UpdateMessage(zone)
    change(message)
    try:
        return dns.rcode.to_text(send(server, message, key).rcode())
    except dns.tsig.PeerError as error:
        return type(error).__name__
    except dns.exception.FormError:
        return "unsigned"


def test_a_signed_update(server: Nameserver) -> None:
    before = serial(server, DOMAIN)

    def add(message: dns.update.UpdateMessage) -> None:
        message.replace("web.shop", 5, "A", "10.0.0.1", "10.0.0.2")
        message.replace("web.shop", 5, "AAAA", "fd00::1")
        message.replace("_http._tcp.web.shop", 5, "SRV", f"0 100 80 a.{WEB}.")
        message.replace("_rollcall.web.shop", 5, "TXT", '"heritage=rollcall" "generation=1.1"')

    assert update(server, add) == "NOERROR"
    assert data(server, WEB, "A") == {"10.0.0.1", "10.0.0.2"}
    assert data(server, f"_rollcall.{WEB}", "TXT") == {'"heritage=rollcall" "generation=1.1"'}
    assert serial(server, DOMAIN) != before
    assert update(server, lambda message: message.replace("web.shop", 5, "A", "10.0.0.3")) == "NOERROR"
    assert data(server, WEB, "A") == {"10.0.0.3"}
    assert update(server, lambda message: message.delete("web.shop", "A")) == "NOERROR"
    assert data(server, WEB, "A") == set()
    assert data(server, WEB, "AAAA") == {"fd00::1"}
    assert (f"{WEB}.", 5, "AAAA", "fd00::1") in records(server, DOMAIN)


def test_a_reverse_name(server: Nameserver) -> None:
    def add(message: dns.update.UpdateMessage) -> None:
        message.replace("1.0", 5, "PTR", f"{WEB}.")
        message.replace("_rollcall.1.0", 5, "TXT", "heritage=rollcall")

    assert update(server, add, REVERSE) == "NOERROR"
    assert data(server, f"1.0.{REVERSE}", "PTR") == {f"{WEB}."}
    assert data(server, f"_rollcall.1.0.{REVERSE}", "TXT") == {'"heritage=rollcall"'}


def test_a_prerequisite(server: Nameserver) -> None:
    mark = "_rollcall.fenced.shop"
    assert update(server, lambda message: message.replace(mark, 5, "TXT", "generation=1.7")) == "NOERROR"

    def stale(message: dns.update.UpdateMessage) -> None:
        message.present(mark, "TXT", "generation=1.6")
        message.replace("fenced.shop", 5, "A", "10.0.0.9")

    assert update(server, stale) == "NXRRSET"
    assert data(server, f"fenced.shop.{DOMAIN}", "A") == set()


@pytest.mark.parametrize(
    ("key", "codes"),
    [
        (None, {"REFUSED", "NOTAUTH"}),
        (KEY.replace(":rollcall:", ":other:"), {"PeerBadKey", "unsigned"}),
        (KEY.replace("sha256", "sha512"), {"PeerBadKey", "unsigned"}),
        (KEY.replace(":cm9", ":cm8"), {"PeerBadSignature", "unsigned"}),
    ],
    ids=["unsigned", "name", "algorithm", "secret"],
)
def test_a_key_that_is_not_ours(server: Nameserver, key: str | None, codes: set[str]) -> None:
    before = serial(server, DOMAIN)
    assert update(server, lambda message: message.add("evil.shop", 5, "A", "10.6.6.6"), key=key) in codes
    assert data(server, f"evil.shop.{DOMAIN}", "A") == set()
    assert serial(server, DOMAIN) == before


def test_transfers_need_the_key(server: Nameserver) -> None:
    with pytest.raises(dns.xfr.TransferError):
        records(server, DOMAIN, key=None)
    assert (f"{DOMAIN}.", 5, "NS", "ns1.example.net.") in records(server, DOMAIN)


def test_the_apex_stays(server: Nameserver) -> None:
    """Whatever code the server answers with."""
    update(server, lambda message: message.delete("@", "NS"))
    update(server, lambda message: message.delete("@", "SOA"))
    assert data(server, DOMAIN, "NS") == {"ns1.example.net."}
    assert serial(server, DOMAIN) is not None


def test_the_key_has_its_part_of_a_shared_zone(shared: Nameserver) -> None:
    def add(message: dns.update.UpdateMessage) -> None:
        message.add("web.shop.k8s", 5, "A", "10.0.0.1")

    assert update(shared, add, PARENT) == "NOERROR"
    assert data(shared, WEB, "A") == {"10.0.0.1"}


@pytest.mark.parametrize(
    ("name", "rdtype", "text"),
    [("www", "A", "10.6.6.6"), ("k8s", "TXT", "evil"), ("@", "TXT", "evil"), ("evil.k8s", "CNAME", "a.")],
)
def test_the_key_has_no_more_of_a_shared_zone(shared: Nameserver, name: str, rdtype: str, text: str) -> None:
    """PowerDNS answers NOERROR, and writes nothing."""
    before = records(shared, PARENT)
    codes = {"NOERROR"} if isinstance(shared, PowerDNS) else {"REFUSED", "PeerBadKey"}
    assert update(shared, lambda message: message.add(name, 5, rdtype, text), PARENT) in codes
    if name != "@":
        assert update(shared, lambda message: message.delete(name, rdtype), PARENT) in codes
    assert records(shared, PARENT) == before


def test_a_shared_zone_needs_the_key(shared: Nameserver) -> None:
    before = records(shared, PARENT)
    update(shared, lambda message: message.add("evil.k8s", 5, "A", "10.6.6.6"), PARENT, key=None)
    assert records(shared, PARENT) == before
