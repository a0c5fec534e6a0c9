"""A client that finds a service by its name, over and over, and connects to what it finds."""

import random
import socket
import threading
import time
from types import TracebackType
from typing import NamedTuple, Self

import dns.exception
import dns.message
import dns.query
import dns.rdatatype

from controlplane import reached_at
from waiting import SECONDS

INTERVAL_SECONDS = 0.01


class Answer(NamedTuple):
    """Addresses, and until when (time.monotonic) they may be used: a ttl after they were asked for."""

    addresses: list[str]
    until: float


class DiscoveryClient:
    """Resolves a name at a DNS server 100 times a second, as a context manager.

    Each time it connects twice: to an address of the answer that it has just got, as a client without a cache
    does, and to one of an answer that it keeps and uses for as long as its ttl, as a resolver would.
    `failures` are answers with no address, questions without an answer, and connections that nobody took
    while the answer was still good. `answers` are the addresses of each answer that had one.
    """

    def __init__(self, dns_port: int, name: str, port: int) -> None:
        self.failures: list[str] = []
        self.looks = 0
        self.reached: set[str] = set()
        self.answers: list[frozenset[str]] = []
        self._dns_port = dns_port
        self._name = name
        self._port = port
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="discovery client")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        kept: Answer | None = None
        due = time.monotonic()
        while not self._ended.wait(max(0.0, due - time.monotonic())):
            due += INTERVAL_SECONDS
            answer = self._resolve()
            if answer is not None:
                self.answers.append(frozenset(answer.addresses))
                self._connect(answer)
                if kept is None or time.monotonic() >= kept.until:
                    kept = answer
                self._connect(kept)
            self.looks += 1

    def _resolve(self) -> Answer | None:
        query = dns.message.make_query(self._name, "A")
        asked = time.monotonic()
        try:
            answer = dns.query.udp(query, "127.0.0.1", SECONDS, self._dns_port)
        except (OSError, dns.exception.DNSException) as error:
            self.failures.append(f"no answer: {error!r}")
            return None
        found = [rrset for rrset in answer.answer if rrset.rdtype == dns.rdatatype.A]
        if not found:
            self.failures.append("no address")
            return None
        return Answer([record.address for record in found[0]], asked + found[0].ttl)

    def _connect(self, answer: Answer) -> None:
        address = random.choice(answer.addresses)
        try:
            with socket.create_connection((reached_at(address), self._port), SECONDS) as connection:
                name = connection.recv(256).decode()
        except OSError as error:
            if isinstance(error, TimeoutError) or time.monotonic() < answer.until:
                self.failures.append(f"{address}: {error!r}")
        else:
            self.reached.add(name)
