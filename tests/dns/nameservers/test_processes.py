"""What the servers promise to the tests: state that stays, pauses, ports, errors that say why."""

from collections.abc import Callable
from pathlib import Path

import dns.exception
import dns.query
import dns.rcode
import dns.update
import pytest

from controlplane.errors import PortTaken, StartFailed
from controlplane.ports import free_port
from nameservers import (
    DEDICATED,
    DOMAIN,
    Bind,
    CoreDNS,
    Knot,
    Nameserver,
    Nsd,
    PowerDNS,
    ask,
    data,
    send,
    serial,
    serving,
)

PRIMARIES = [Bind, Knot, PowerDNS]
NOWHERE = ("127.0.0.1", 9)
WEB = f"web.shop.{DOMAIN}"


def add_web(server: Nameserver) -> None:
    message = dns.update.UpdateMessage(DOMAIN)
    message.replace("web.shop", 5, "A", "10.0.0.1")
    assert send(server, message).rcode() == dns.rcode.NOERROR


@pytest.mark.parametrize("kind", PRIMARIES)
def test_state_stays(tmp_path: Path, kind: type[Bind] | type[Knot] | type[PowerDNS]) -> None:
    """Over an orderly end and over a crash, on the same port."""
    with serving(kind.primary(tmp_path / "server", DEDICATED)) as [server]:
        add_web(server)
        found, port = serial(server, DOMAIN), server.port
        for grace_seconds in (10.0, 0.0):
            server.stop(grace_seconds)
            assert not server.running
            server.start()
            assert data(server, WEB, "A") == {"10.0.0.1"}
            assert (serial(server, DOMAIN), server.port) == (found, port)


@pytest.mark.parametrize("kind", PRIMARIES)
def test_records_of_the_zone(tmp_path: Path, kind: type[Bind] | type[Knot] | type[PowerDNS]) -> None:
    zone = DEDICATED.holding("old.shop A 10.0.0.7").holding("older.shop A 10.0.0.8")
    with serving(kind.primary(tmp_path / "server", zone)) as [server]:
        assert data(server, f"old.shop.{DOMAIN}", "A") == {"10.0.0.7"}
        assert data(server, f"older.shop.{DOMAIN}", "A") == {"10.0.0.8"}


def test_a_pause(tmp_path: Path) -> None:
    """The kernel takes the connection; the answer comes after the pause."""
    with serving(Knot.primary(tmp_path / "server")) as [server]:
        server.pause()
        query = dns.message.make_query(DOMAIN, "SOA")
        with pytest.raises(dns.exception.Timeout):
            dns.query.tcp(query, server.address, 0.3, server.port)
        server.resume()
        assert ask(server, DOMAIN, "SOA").answer


@pytest.mark.parametrize("kind", PRIMARIES)
def test_a_paused_server_ends(tmp_path: Path, kind: type[Bind] | type[Knot] | type[PowerDNS]) -> None:
    with serving(kind.primary(tmp_path / "server")) as [server]:
        server.pause()
        server.stop()
        assert not server.running


SECONDARIES: list[Callable[[Path, int], Nameserver]] = [
    lambda folder, port: Bind.secondary(folder, NOWHERE, port=port),
    lambda folder, port: Knot.secondary(folder, NOWHERE, port=port),
    lambda folder, port: Nsd.secondary(folder, NOWHERE, port=port),
    lambda folder, port: PowerDNS.secondary(folder, NOWHERE, port=port),
    lambda folder, port: CoreDNS.secondary(folder, NOWHERE, port=port),
]


@pytest.mark.parametrize("make", SECONDARIES, ids=["bind", "knot", "nsd", "powerdns", "coredns"])
def test_a_secondary_without_its_primary(tmp_path: Path, make: Callable[[Path, int], Nameserver]) -> None:
    """It answers on the port that it was given, though it has nothing to say."""
    port = free_port()
    with serving(make(tmp_path / "server", port)) as [server]:
        assert server.port == port
        assert serial(server, DOMAIN) is None


def test_a_configuration_that_is_wrong(tmp_path: Path) -> None:
    server = Knot(tmp_path / "server", "nonsense:\n")
    with pytest.raises(StartFailed, match="knotd ended with 1"), serving(server):
        pass


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with serving(Knot.primary(tmp_path / "one")) as [one]:
        with pytest.raises(PortTaken):
            Bind.primary(tmp_path / "given", port=one.port).start()
        two = Bind.primary(tmp_path / "chosen")
        two.port = one.port
        with two:
            assert two.port != one.port
