"""An answer leaves from the address that was asked, on sockets for all addresses of this machine."""

import socket
from pathlib import Path

import dns.message
import pytest

from owners import OWNER
from rollcall.feed.datagrams import datagrams
from rollcall.serve.snapshot import write_snapshot
from rollcall.serve.sockets import open_sockets
from serving.running import worker_processes
from unit.serve.samples import rrset, zone
from waiting import SECONDS

QUERY = dns.message.make_query("s.example.test.", "A")


def ask(source: str, server: str, port: int) -> dns.message.Message:
    """Ask over a connected socket: the kernel drops what comes from another address than was asked."""
    with socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(SECONDS)
        client.bind((source, 0))
        client.connect((server, port))
        client.send(QUERY.to_wire())
        return dns.message.from_wire(client.recv(4096))


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", ":0"])
def test_each_address_that_is_asked_answers(listen: str, tmp_path: Path) -> None:
    """On loopback each address of 127.0.0.0/8 is ours; the kernel alone would answer from 127.0.0.1."""
    with worker_processes(tmp_path, listen=listen) as [worker]:
        write_snapshot(worker.snapshot_path, OWNER, [zone(rrset("s.example.test.", "A", "10.0.0.1"))])
        worker.start()
        for server in ("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.2"):
            assert ask("127.0.0.1", server, worker.port).answer
        if listen != "0.0.0.0:0":
            assert ask("::1", "::1", worker.port).answer
        assert worker.end() == 0
        assert "Traceback" not in worker.log


def test_a_socket_for_one_address_is_used_as_it_is() -> None:
    """It doesn't pay for what it has no need of."""
    for listen in ("127.0.0.1:0", "[::1]:0"):
        [pair] = open_sockets(listen, 1)
        assert datagrams(pair.udp) is pair.udp
        assert not pair.udp.getsockopt(socket.IPPROTO_IP, 8)  # IP_PKTINFO
        pair.close()


def test_what_came_before_the_kernel_was_asked_is_answered() -> None:
    """A socket of somebody else's making, such as one handed over, says nothing of what came."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("", 0))
        served = datagrams(sock)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(SECONDS)
            client.sendto(b"question", ("127.0.0.1", sock.getsockname()[1]))
            question, sender = served.recvfrom(512)
            assert sender[:2] == ("127.0.0.1", client.getsockname()[1])
            served.sendto(question, sender)
            assert client.recv(512) == b"question"
