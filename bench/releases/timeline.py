"""What a witness saw of switches to and fro, put beside the times of the switches.

All times are of CLOCK_REALTIME, in nanoseconds.
"""

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from bench.releases.sides import Side


class Switch(NamedTuple):
    """One side takes over: when the API server was asked to, and when it said that it was done."""

    to: Side
    asked_ns: int
    acknowledged_ns: int


@dataclass(slots=True)
class Record:
    """All answers that one witness got, in the order in which it read them; and what was never answered.

    `sockets` says over which socket each came.
    """

    sent_ns: "array[int]" = field(default_factory=lambda: array("q"))
    received_ns: "array[int]" = field(default_factory=lambda: array("q"))
    sockets: bytearray = field(default_factory=bytearray)
    sides: bytearray = field(default_factory=bytearray)
    lost: int = 0
    cut: int = 0

    def add(self, sent_ns: int, received_ns: int, socket: int, side: Side) -> None:
        """Note an answer."""
        self.sent_ns.append(sent_ns)
        self.received_ns.append(received_ns)
        self.sockets.append(socket)
        self.sides.append(side)

    def gaps_ns(self) -> list[int]:
        """Return the times between one question and the next one: so late may a change be seen."""
        return [later - earlier for earlier, later in pairwise(sorted(self.sent_ns))]


class Seen(NamedTuple):
    """What was seen of one switch, counted from its acknowledgement, which an answer may be ahead of.

    `back` are answers of the old side after one of the new on the same socket.
    """

    first_new_ns: int | None
    last_old_ns: int | None
    back: int


def seen(record: Record, switches: Sequence[Switch]) -> list[Seen]:
    """Find the first answer of the new side and the last one of the old for each switch.

    A switch lasts until the next one is asked for. A side that was not seen has None.
    """
    answers = sorted(zip(record.received_ns, record.sockets, record.sides, strict=True))
    ends = [switch.asked_ns for switch in switches[1:]]
    found = []
    position = 0
    for switch, end in zip(switches, [*ends, None], strict=True):
        first_new = last_old = None
        renewed: set[int] = set()
        back = 0
        while position < len(answers) and (end is None or answers[position][0] < end):
            received, socket, side = answers[position]
            position += 1
            if received < switch.asked_ns:
                continue
            if side == switch.to:
                renewed.add(socket)
                if first_new is None:
                    first_new = received - switch.acknowledged_ns
            elif side == 1 - switch.to:
                last_old = received - switch.acknowledged_ns
                back += socket in renewed
        found.append(Seen(first_new, last_old, back))
    return found


def kinds(record: Record) -> dict[str, int]:
    """Count the answers by what they show."""
    counts = Counter(record.sides)
    return {side.name.lower(): counts[side] for side in Side}
