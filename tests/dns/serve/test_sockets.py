"""Opening the sockets of the workers."""

import socket

import pytest

from controlplane.ports import free_port
from rollcall.serve.errors import ListenError
from rollcall.serve.sockets import open_sockets


@pytest.mark.parametrize(
    ("listen", "family"),
    [
        ("127.0.0.1:0", socket.AF_INET),
        ("[::1]:0", socket.AF_INET6),
        ("[::]:0", socket.AF_INET6),
        (":0", socket.AF_INET6),
    ],
)
def test_all_workers_share_one_free_port(listen: str, family: socket.AddressFamily) -> None:
    pairs = open_sockets(listen, 3)
    try:
        assert len(pairs) == 3
        assert {sock.family for pair in pairs for sock in pair} == {family}
        ports = {sock.getsockname()[1] for pair in pairs for sock in pair}
        assert len(ports) == 1
        assert 0 not in ports
    finally:
        for pair in pairs:
            pair.close()


def test_a_machine_without_ipv6_gives_all_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel has no IPv6 (ipv6.disable=1), there is no socket of that family."""
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    [pair] = open_sockets(":0", 1)
    assert {sock.family for sock in pair} == {socket.AF_INET}
    assert pair.udp.getsockname()[0] == "0.0.0.0"
    pair.close()


@pytest.mark.parametrize("kind", ["UDP", "TCP"])
@pytest.mark.parametrize("shared", [False, True], ids=["alone", "SO_REUSEPORT"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_in_use_is_named(kind: str, shared: bool, host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM if kind == "UDP" else socket.SOCK_STREAM) as other:
        if shared:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind((host, free_port()))  # that no client is given for the other protocol
        if kind == "TCP":
            other.listen()
        port = other.getsockname()[1]
        listen = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

        with pytest.raises(ListenError) as refused:
            open_sockets(listen, 2)

    assert (
        str(refused.value)
        == f"can't listen on {host} port {port} ({kind}): the port is in use by another program"
    )


def test_a_port_can_be_opened_again_while_old_connections_linger() -> None:
    [pair] = open_sockets("127.0.0.1:0", 1)
    port = pair.tcp.getsockname()[1]
    with socket.create_connection(("127.0.0.1", port)):
        pair.tcp.setblocking(True)
        connection, _ = pair.tcp.accept()
        connection.close()  # this end closes first: it is the one that lingers
        pair.close()

    [again] = open_sockets(f"127.0.0.1:{port}", 1)
    again.close()


def test_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(ListenError, match=r"192\.0\.2\.1 port 10053 \(UDP\): the address is not one of"):
        open_sockets("192.0.2.1:10053", 1)


@pytest.mark.parametrize(
    "listen",
    [
        "",
        "53",
        ":",
        ":x",
        "localhost:53",
        "0.0.0.0",
        "::1:53",
        "[127.0.0.1]:53",
        "127.0.0.1:x",
        "127.0.0.1:65536",
    ],
)
def test_what_is_no_address_and_port_is_told_how_to_write_it(listen: str) -> None:
    with pytest.raises(ListenError, match="write :53 for all addresses, or"):
        open_sockets(listen, 1)
