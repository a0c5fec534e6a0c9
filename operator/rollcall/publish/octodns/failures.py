"""What an error of a provider means: there are forty of them, and no common tree of exceptions."""

import re
from collections.abc import Iterator

from octodns.provider import SupportsException
from octodns.provider.plan import UnsafePlan

from .exchange import Failure
from .settings import ENTRY, InvalidSettings

_ACCESS = re.compile(
    r"unauthori[sz]ed|forbidden|access ?denied|authenticat|credential|invalid.{0,20}(token|key)"
    r"|(?-i:\b(REFUSED|NOTAUTH|BADKEY|BADSIG|BADTIME)\b)|not authoritative|the peer didn't",
    re.IGNORECASE,
)
_DENIED = (401, 403)
_MAX_CHARACTERS = 500


class ZoneMissing(Exception):
    """The provider has no zone for the domain; the message says so to people."""


def failed(error: Exception, secret: str) -> tuple[Failure, str]:
    """Return the kind of a failure, and a message with what to do."""
    if isinstance(error, InvalidSettings):
        return Failure.SETTINGS, str(error)
    if isinstance(error, ZoneMissing):
        return Failure.ZONE, str(error)
    text = _text(error)
    if isinstance(error, UnsafePlan):
        return Failure.UNSAFE, (
            f"octoDNS takes the changes for unsafe: {text}. If they are right, raise update_pcent_threshold"
            f" or delete_pcent_threshold in {ENTRY} of the Secret {secret} (1 allows all)."
        )
    if isinstance(error, SupportsException):
        return Failure.PROVIDER, (
            f"{text}. With strict_supports: false in {ENTRY} of the Secret {secret} octoDNS does without."
        )
    if any(_denies(each) for each in _chain(error)):
        return Failure.ACCESS, (
            f"The provider refuses access: {text}. Look at the credentials in the Secret {secret}, and at"
            " what they may do."
        )
    return Failure.PROVIDER, f"The provider failed: {text}. It is tried again."


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _denies(error: BaseException) -> bool:
    response = getattr(error, "response", None)
    if isinstance(response, dict):  # botocore
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    else:
        status = getattr(response, "status_code", getattr(error, "status_code", None))
    return status in _DENIED or bool(_ACCESS.search(f"{type(error).__name__}: {error}"))


def _text(error: BaseException) -> str:
    text = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    response = getattr(error, "response", None)
    said = " ".join(str(getattr(response, "text", "") or "").split())
    return (f"{text}: {said}" if said else text)[:_MAX_CHARACTERS]
