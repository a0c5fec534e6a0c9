"""Requests over UDP, and the responses to our own ones, which come to the same socket."""

import logging
from collections.abc import Callable
from typing import Any

from rollcall.dnswire.header import QR
from rollcall.feed.datagrams import Datagrams

from ..peer import peer_address
from .refusals import RefusalLog
from .responder import TransferResponder
from .stream import TransferStream

log = logging.getLogger(__name__)

BATCH = 32
MAX_REQUEST = 4096
"""Octets. A longer request is cut, and so malformed."""

_QR = QR >> 8


def receiver(
    sock: Datagrams,
    responder: TransferResponder,
    refusals: RefusalLog,
    on_response: Callable[[bytes, Any], None],
) -> Callable[[], None]:
    """Make a callback for when the non-blocking socket is readable. It lets no exception out.

    `on_response` is called with each response of another server, and where that is from.
    """

    def receive() -> None:
        for _ in range(BATCH):
            try:
                wire, source = sock.recvfrom(MAX_REQUEST)
            except BlockingIOError:
                return
            except OSError as error:
                log.debug("receiving failed: %s", error)
                return
            try:
                if len(wire) > 2 and wire[2] & _QR:
                    on_response(wire, source)
                    continue
                answer = responder.respond(wire, peer_address(source[0]), is_tcp=False)
                if answer is None:
                    continue
                assert not isinstance(answer, TransferStream)
                sock.sendto(answer, source)
            except OSError as error:  # a full buffer, an unreachable client: lost, as any answer may be
                log.debug("sending to %s failed: %s", source, error)
            except Exception:
                refusals.record_broken(f"{source[0]} over UDP")

    return receive
