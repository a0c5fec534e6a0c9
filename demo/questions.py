"""Asks Rollcall's DNS server: in a tight loop until the answer is right, and with dig for the eye.

The loop asks over UDP from one socket, one question at a time, so that a measured time is off by one round
trip on loopback at most (some 0.1 ms).
"""

import shutil
import socket
import subprocess
import time
from collections.abc import Set
from dataclasses import dataclass

import dns.exception
import dns.flags
import dns.message
import dns.rcode

from controlplane import Acknowledged
from demo.errors import Missed

_DEADLINE_SECONDS = 10.0
_REPLY_TIMEOUT_SECONDS = 1.0
_DIG_TIMEOUT_SECONDS = 30.0  # it gives up after 15 itself
_MAX_DATAGRAM = 65535


@dataclass(frozen=True, slots=True)
class Question:
    """A name and a record type."""

    name: str
    type: str = "A"

    def __str__(self) -> str:
        return f"{self.name} {self.type}"


@dataclass(frozen=True, slots=True)
class Answer:
    """The records of an answer as text, and its rcode."""

    rcode: str
    records: frozenset[str]

    def __str__(self) -> str:
        if self.records:
            return "  ".join(sorted(self.records))
        return "no records (NODATA)" if self.rcode == "NOERROR" else f"no such name ({self.rcode})"


class Server:
    """The DNS server at an address, written as host:port."""

    def __init__(self, address: str) -> None:
        self.host, _, self.port = address.rpartition(":")
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect((self.host, int(self.port)))
        self._dig = shutil.which("dig")

    @property
    def has_dig(self) -> bool:
        """Whether `show` asks with dig."""
        return self._dig is not None

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def ask(self, question: Question) -> Answer:
        """Ask once.

        Raises:
            Missed: there was no usable answer within a second.
        """
        try:
            reply = self._exchange(question)
        except (OSError, dns.exception.DNSException) as error:
            raise Missed(f"{question}: {self.host}:{self.port} gave no answer: {error}") from error
        records = frozenset(record.to_text() for rrset in reply.answer for record in rrset)
        return Answer(dns.rcode.to_text(reply.rcode()), records)

    def wait_for(self, question: Question, expected: Set[str], since: Acknowledged) -> tuple[Answer, float]:
        """Ask until exactly the expected records come; return the answer and the milliseconds since a write.

        Raises:
            Missed: they did not come in ten seconds.
        """
        deadline = time.monotonic() + _DEADLINE_SECONDS
        answer: Answer | None = None
        while time.monotonic() < deadline:
            try:
                answer = self.ask(question)
            except Missed:
                continue
            answered_ns = time.monotonic_ns()
            if answer.rcode in ("NOERROR", "NXDOMAIN") and answer.records == expected:
                return answer, (answered_ns - since.monotonic_ns) / 1e6
        wanted = ", ".join(sorted(expected)) or "no records"
        raise Missed(
            f"{question} did not become {wanted} in {_DEADLINE_SECONDS:.0f} s; the last answer was:"
            f" {answer or 'none at all'}"
        )

    def dig(self, question: Question, *options: str) -> str:
        """Return the command line that asks with dig."""
        return " ".join(["dig", f"@{self.host}", "-p", self.port, *options, question.name, question.type])

    def show(self, question: Question, *options: str) -> tuple[str, str]:
        """Ask with dig, or dnspython where dig is missing; return the command line and what it said."""
        chosen = options or ("+noall", "+answer")
        words = self.dig(question, *chosen)
        if self._dig is None:
            return words, _as_dig(self._exchange(question), chosen)
        done = subprocess.run(
            [self._dig, *words.split()[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_DIG_TIMEOUT_SECONDS,
            check=False,
        )
        if done.returncode:
            raise Missed(f"`{words}` ended with {done.returncode}: {done.stdout.strip()}")
        return words, done.stdout

    def _exchange(self, question: Question) -> dns.message.Message:
        query = dns.message.make_query(question.name, question.type, use_edns=0, payload=1232)
        query.flags &= ~dns.flags.RD
        self._socket.send(query.to_wire())
        deadline = time.monotonic() + _REPLY_TIMEOUT_SECONDS
        while True:
            self._socket.settimeout(max(0.001, deadline - time.monotonic()))
            reply = dns.message.from_wire(self._socket.recv(_MAX_DATAGRAM))
            if reply.id == query.id:  # not the late reply to a question that was given up
                return reply


def _as_dig(reply: dns.message.Message, options: tuple[str, ...]) -> str:
    """Write a reply as dig does with these options, as far as the demo uses them."""
    lines = []
    if "+comments" in options:
        lines.append(
            f";; status: {dns.rcode.to_text(reply.rcode())}, flags: {dns.flags.to_text(reply.flags)}"
        )
    sections = {"+answer": reply.answer, "+authority": reply.authority, "+additional": reply.additional}
    for option, section in sections.items():
        if option in options:
            lines += [rrset.to_text() for rrset in section]
    return "\n".join(lines)
