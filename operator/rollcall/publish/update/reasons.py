"""Why a target does not have all that it should, and what to do: the reasons of TargetReports."""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from rollcall.dnswire.errors import TsigError, TsigFault
from rollcall.dnswire.header import Rcode, rcode_text
from rollcall.model.wording import abridged, counted
from rollcall.zone.marker import marker_name
from rollcall.zone.names import to_text

MAX_NAMES = 5
"""Names that a message lists."""


class UpdateReason(StrEnum):
    """What is wrong, in one word."""

    CLOCK_SKEW = "ClockSkew"
    BAD_KEY = "BadKey"
    BAD_SIGNATURE = "BadSignature"
    UNSIGNED = "Unsigned"
    REFUSED = "Refused"
    NOT_AUTH = "NotAuth"
    NOT_ZONE = "NotZone"
    SERV_FAIL = "ServFail"
    UNREACHABLE = "Unreachable"
    TIMED_OUT = "TimedOut"
    MALFORMED = "MalformedAnswer"
    NAMES_TAKEN = "NamesTaken"
    OCCLUDED = "Occluded"
    OWNED_BY_ANOTHER = "OwnedByAnother"
    IMPLAUSIBLE_MARKER = "ImplausibleMarker"
    DEPOSED = "Deposed"
    REJECTED = "Rejected"


class TargetError(Exception):
    """The target as a whole can't be written now. The message says why, and what to do."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Refusal(TargetError):
    """The server answers, and takes nothing of what was sent; something else it may take."""


class ConnectionLost(TargetError):
    """The connection ended or was silent: whether the last message had effect is not known."""


def unreachable(server: str, error: OSError) -> ConnectionLost:
    """Say that there is no connection."""
    detail = error.strerror or str(error) or type(error).__name__
    return ConnectionLost(
        UpdateReason.UNREACHABLE,
        f"No connection to {server} ({detail}): check the address, the port, and whether TCP gets through.",
    )


def timed_out(server: str, seconds: float) -> ConnectionLost:
    """Say that there was no answer."""
    return ConnectionLost(
        UpdateReason.TIMED_OUT,
        f"No answer from {server} within {seconds:.0f} s: check whether the server runs and is overloaded.",
    )


def signature_fault(server: str, key: str, error: TsigError) -> TargetError:
    """Say what is wrong with a signature, theirs or ours."""
    match error.fault:
        case TsigFault.BAD_TIME:
            offset = error.offset_seconds
            known = "" if offset is None else f" (its clock is {abs(offset)} s {_direction(offset)} ours)"
            return TargetError(
                UpdateReason.CLOCK_SKEW,
                f"The clocks of Rollcall and {server} are more than 300 s apart{known}: set them by NTP.",
            )
        case TsigFault.BAD_KEY:
            return TargetError(
                UpdateReason.BAD_KEY,
                f"{server} doesn't know the key {key}, or doesn't grant it these names: compare its name and"
                " algorithm in the Secret with those at the server, and what the server lets it write.",
            )
        case TsigFault.BAD_SIGNATURE:
            return TargetError(
                UpdateReason.BAD_SIGNATURE,
                f"The signature with the key {key} doesn't hold: {server} has another secret under that name."
                " Put the same into both.",
            )
        case TsigFault.UNSIGNED:
            return TargetError(
                UpdateReason.UNSIGNED,
                f"{server} answers without a signature, so it doesn't accept ours (PowerDNS says it so), or"
                f" it is not the server: check that it has the key {key} with the same algorithm and secret,"
                " that its clock is right, and that no other DNS server is in between.",
            )


def _direction(offset: int) -> str:
    return "ahead of" if offset > 0 else "behind"


def no_zone(server: str, domain: bytes) -> TargetError:
    """Say that the server isn't authoritative for the domain."""
    return TargetError(
        UpdateReason.NOT_AUTH,
        f"{server} holds no zone with {to_text(domain)} in it: make one there (or one of a domain above), as"
        " primary, or correct the address of the target.",
    )


def delegated(server: str, domain: bytes, cut: bytes) -> TargetError:
    """Say that the server has given the domain away."""
    return TargetError(
        UpdateReason.OCCLUDED,
        f"{server} delegates {to_text(cut)} (NS), and {to_text(domain)} with it: what was written there would"
        " be hidden. Remove the delegation, or let the target be the server that it leads to.",
    )


def refusal(server: str, rcode: int, zone: bytes, key: str) -> Refusal:
    """Say what an rcode means, where it meets every update."""
    name = to_text(zone)
    match rcode:
        case Rcode.REFUSED:
            return Refusal(
                UpdateReason.REFUSED,
                f"{server} refuses updates of {name} with the key {key}: let the key write A, AAAA, SRV, PTR"
                " and TXT at and below the names of the services, and see that the server is the primary.",
            )
        case Rcode.NOTAUTH:
            return Refusal(
                UpdateReason.NOT_AUTH, f"{server} says that it isn't authoritative for {name}: see its log."
            )
        case Rcode.NOTZONE:
            return Refusal(
                UpdateReason.NOT_ZONE,
                f"{server} says that names of ours are not in its zone {name}: is a part of the domain"
                " delegated, or a zone of its own there?",
            )
        case Rcode.SERVFAIL:
            return Refusal(
                UpdateReason.SERV_FAIL,
                f"{server} fails to write (SERVFAIL): see its log. BIND does so where it can't write its"
                " journal, PowerDNS where its database can't be written.",
            )
        case Rcode.NOTIMP:
            return Refusal(
                UpdateReason.REFUSED, f"{server} takes no updates (NOTIMP): switch them on there (RFC 2136)."
            )
    return Refusal(
        UpdateReason.REJECTED, f"{server} answers {rcode_text(rcode)} to every update of {name}: see its log."
    )


def nothing_written(server: str, zone: bytes) -> Refusal:
    """Say that an update was acknowledged, and that nothing has changed."""
    return Refusal(
        UpdateReason.REFUSED,
        f"{server} acknowledges updates of {to_text(zone)} and writes nothing: a policy drops them silently"
        " (PowerDNS: lua-dnsupdate-policy-script). Let it take the names and types of the services.",
    )


def deposed(detail: str = "") -> TargetError:
    """Say that somebody else leads."""
    return TargetError(
        UpdateReason.DEPOSED,
        "Another replica may be the leader now, so this one writes nothing until the Lease says that it leads"
        f"{f' ({detail})' if detail else ''}. Nothing to do, if another one leads.",
    )


def names_taken(names: Sequence[bytes]) -> str:
    """Say which names others have."""
    return (
        f"{counted(len(names), 'name exists', 'names exist')} at the server without a marker of ours, and"
        f" nothing is changed there: {listed(names)}. Remove what is there, or rename the services;"
        " `adopt: true` takes it over."
    )


def occluded(names: Sequence[bytes], cuts: Iterable[bytes]) -> str:
    """Say which names can't be seen at the server, whatever is written there."""
    return (
        f"{counted(len(names), 'name')} can't be published below a delegation (NS) or a DNAME of others at"
        f" {listed(sorted(set(cuts)))}: {listed(names)}. Who asks for them is sent elsewhere. Remove those"
        " records, or publish the services under another domain."
    )


def implausible(names: Sequence[bytes], epoch: int) -> str:
    """Say which names have a marker that bears our name, and that no leader can have written."""
    example = to_text(marker_name(min(names)))
    return (
        f"{counted(len(names), 'service or pointer has', 'services or pointers have')} a marker with an epoch"
        f" (up to {epoch}) that no leader gets to: {listed(names)}. Somebody else wrote it, so nothing is"
        " changed or deleted there. Find out who writes the zone; then delete the marker, with"
        f" `rollcall takeover` or with `update delete {example}. TXT` in nsupdate, and so for each: what is"
        " there is taken over within a minute."
    )


def owned_by_another(owners: Iterable[str], names: Sequence[bytes]) -> str:
    """Say which names another installation has."""
    marked = counted(len(names), "name is", "names are")
    return (
        f"{marked} marked by another installation ({', '.join(sorted(set(owners)))}):"
        f" {listed(names)}. Give each installation an --identity and a domain of its own."
    )


def rejected(names: Sequence[bytes], rcode: int) -> str:
    """Say which names the server does not take, while it takes others."""
    if rcode == Rcode.NOERROR:
        return (
            f"The server acknowledges updates of {counted(len(names), 'name')} and drops them silently:"
            f" {listed(names)}. Let its policy take the names and types of the services."
        )
    return (
        f"The server answers {rcode_text(rcode)} to updates of {counted(len(names), 'name')},"
        f" and takes others: {listed(names)}. See its log and what the key may write there; it is tried"
        " again."
    )


def listed(names: Sequence[bytes]) -> str:
    """Write some names."""
    return abridged(sorted(to_text(name) for name in names[:MAX_NAMES]), len(names))
