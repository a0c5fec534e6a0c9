"""What can be wrong with a secondary, each in one word, and what to do about it in a sentence."""

from dataclasses import dataclass
from enum import StrEnum

from rollcall.dnswire.errors import TsigError, TsigFault
from rollcall.dnswire.header import Rcode, rcode_text
from rollcall.propagation.report import BEHIND, CURRENT


class SecondaryReason(StrEnum):
    """How a secondary is doing."""

    CURRENT = CURRENT
    BEHIND = BEHIND
    AHEAD = "Ahead"
    IMPLAUSIBLE_SERIAL = "ImplausibleSerial"
    UNREACHABLE = "Unreachable"
    NOTIFY_REFUSED = "NotifyRefused"
    NOT_AUTHORITATIVE = "NotAuthoritative"
    EXPIRED = "Expired"
    BAD_ANSWER = "BadAnswer"
    BAD_KEY = "BadKey"
    BAD_SIGNATURE = "BadSignature"
    CLOCK_SKEW = "ClockSkew"
    UNSIGNED = "Unsigned"
    NO_KEY = "NoKey"
    NOT_TRANSFERRING = "NotTransferring"
    BAD_CATALOG = "BadCatalog"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """How a secondary is doing, and in `message` what somebody may have to see to: whole sentences."""

    reason: SecondaryReason
    message: str


UP_TO_DATE = Diagnosis(SecondaryReason.CURRENT, "The secondary has the newest version.")


def of_signature(error: TsigError, what: str) -> Diagnosis:
    """Say what is wrong with the signature of a request or of its response; `what` names the request."""
    match error.fault:
        case TsigFault.BAD_KEY:
            return Diagnosis(
                SecondaryReason.BAD_KEY,
                f"The secondary doesn't know the key of our {what}, or not for this: give it a key with the "
                "name, algorithm and secret that the Secret of keySecret holds.",
            )
        case TsigFault.BAD_TIME:
            offset = error.offset_seconds
            by = "more than 300 s" if offset is None else f"{abs(offset)} s"
            way = "" if offset is None else " ahead" if offset > 0 else " behind"
            return Diagnosis(
                SecondaryReason.CLOCK_SKEW,
                f"The secondary's clock is {by}{way or ' off'}: signatures hold for 300 s. "
                "Set the clocks of both machines (NTP).",
            )
        case TsigFault.UNSIGNED:
            return Diagnosis(
                SecondaryReason.UNSIGNED,
                f"The response to our signed {what} is not signed: the key, its secret or the clock may "
                "differ; the secondary's log says which.",
            )
        case TsigFault.BAD_SIGNATURE:
            whose = f"our {what}" if error.by_peer else f"its response to our {what}"
            return Diagnosis(
                SecondaryReason.BAD_SIGNATURE,
                f"The signature of {whose} doesn't hold: the secret at the secondary is another one than "
                "that in the Secret of keySecret.",
            )


def of_notify(rcode: int) -> Diagnosis:
    """Say what a refused NOTIFY means (RFC 1996 section 4.7)."""
    return Diagnosis(
        SecondaryReason.NOTIFY_REFUSED,
        f"The secondary refuses our NOTIFY ({rcode_text(rcode)}), so that it finds changes only at its "
        "next refresh: let it take NOTIFY from this address or with this key (allow-notify in BIND and "
        "NSD, an acl with action notify in Knot, trusted-notification-proxy in PowerDNS), and make it a "
        "secondary of the zone.",
    )


def of_soa(rcode: int) -> Diagnosis:
    """Say what an answer to a question for the SOA without an SOA means."""
    if rcode == Rcode.SERVFAIL:
        return Diagnosis(
            SecondaryReason.EXPIRED,
            "The secondary has no valid copy of the zone (SERVFAIL): it hasn't transferred it yet, or not "
            "for so long that its copy has expired. Its log says why; see that it reaches the transfer "
            "server over UDP and TCP, and has the key.",
        )
    return Diagnosis(
        SecondaryReason.NOT_AUTHORITATIVE,
        f"The secondary doesn't answer for the zone ({rcode_text(rcode)}): make it a secondary of the "
        "zone, with our transfer server as the primary, and let it answer questions from this address.",
    )


def adding() -> Diagnosis:
    """Say that a zone is new in a catalog."""
    return Diagnosis(
        SecondaryReason.BEHIND, "The catalog lists the zone, and the secondary has not added it yet."
    )


def behind(*, is_silent: bool) -> Diagnosis:
    """Say that a secondary has an older version; one that `is_silent` has not answered our NOTIFY."""
    if is_silent:
        return Diagnosis(
            SecondaryReason.BEHIND,
            "The secondary has an older version. It doesn't answer our NOTIFY, so that it finds a newer "
            "one only at its next refresh: it may take NOTIFY only from the address that it transfers "
            "from.",
        )
    return Diagnosis(
        SecondaryReason.BEHIND, "The secondary has an older version, and has been told of the newest."
    )


def stuck() -> Diagnosis:
    """Say that a secondary has an older version and gets no further."""
    return Diagnosis(
        SecondaryReason.NOT_TRANSFERRING,
        "The secondary has an older version, and hasn't got further for more than a minute: see in its "
        "log whether its transfers fail, that it reaches the transfer server over TCP, and that it has "
        "the key of keySecret or an address in allowUnsigned.",
    )


def ahead(serial: int, ours: int) -> Diagnosis:
    """Say that a secondary has a newer version than there is."""
    return Diagnosis(
        SecondaryReason.AHEAD,
        f"The secondary has serial {serial}, newer than ours ({ours}): it comes from before our state was "
        "lost, or from another primary. The zone goes on above it; where this comes again, look for the "
        "other primary.",
    )


def implausible(serial: int, ours: int, *, is_signed: bool) -> Diagnosis:
    """Say that a secondary claims a newer version than any clock explains."""
    proof = "" if is_signed else ", without the signature of a key"
    way = "" if is_signed else ", or give it a keySecret, with which it is believed up to a year"
    return Diagnosis(
        SecondaryReason.IMPLAUSIBLE_SERIAL,
        f"The secondary claims the serial {serial}{proof}: ours is {ours}, and no clock explains one so far "
        "ahead. The zone doesn't go on from there. See who answers at this address; have the secondary drop "
        f"its copy and transfer the zone anew{way}.",
    )
