"""A DNS server on this machine whose answers the test decides, over UDP or TCP."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dns.message
import dns.rrset

Answering = Callable[[dns.message.Message], list[bytes]]
"""From a query to the messages that go back: one, as a rule."""


def response(query: dns.message.Message, *records: str) -> dns.message.Message:
    """Answer with records, each as it is in a zone file: the first of a type and owner begins an RRset."""
    made = dns.message.make_response(query)
    for text in records:
        owner, ttl, rdclass, rdtype, data = text.split(None, 4)
        rrset = dns.rrset.from_text(owner, int(ttl), rdclass, rdtype, data)
        for known in made.answer:
            if known.name == rrset.name and known.rdtype == rrset.rdtype:
                known.update(rrset)
                break
        else:
            made.answer.append(rrset)
    return made


@contextmanager
def udp(answering: Answering) -> Iterator[int]:
    """Serve over UDP; yields the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=_serve_udp, args=(sock, answering))
        thread.start()
        try:
            yield sock.getsockname()[1]
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", sock.getsockname())
            thread.join()


@contextmanager
def tcp(answering: Answering) -> Iterator[int]:
    """Serve over TCP, each connection until its client closes it; yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_accept, args=(listener, answering))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve_udp(sock: socket.socket, answering: Answering) -> None:
    while True:
        message, client = sock.recvfrom(4096)
        if not message:
            return
        for each in answering(dns.message.from_wire(message)):
            sock.sendto(each, client)


def _accept(listener: socket.socket, answering: Answering) -> None:
    threads = []
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            break
        threads.append(threading.Thread(target=_serve_tcp, args=(connection, answering)))
        threads[-1].start()
    for thread in threads:
        thread.join()


def _serve_tcp(connection: socket.socket, answering: Answering) -> None:
    with connection, connection.makefile("rb") as stream:
        while size := stream.read(2):
            query = dns.message.from_wire(stream.read(int.from_bytes(size, "big")))
            for each in answering(query):
                connection.sendall(len(each).to_bytes(2, "big") + each)
