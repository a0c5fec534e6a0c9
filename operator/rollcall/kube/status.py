"""The API's Status object (meta/v1), in an HTTP answer or inside a watch stream, as one of our errors."""

from http import HTTPStatus

import msgspec

from rollcall.model.keys import API_GROUP

from .errors import (
    APPLY_CRDS,
    UNDECODABLE,
    AlreadyExists,
    ApiError,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    KindMissing,
    NotFound,
    ServerError,
    TooManyRequests,
    Unauthorized,
)

_TOO_LARGE = "ResourceVersionTooLarge"
_PROSE_LIMIT = 200
_OURS = f"/apis/{API_GROUP}/"

_CLASSES: dict[int, type[ApiError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    422: Invalid,
    429: TooManyRequests,
}


class _Cause(msgspec.Struct):
    reason: str = ""


class _Details(msgspec.Struct, rename="camel"):
    name: str = ""
    causes: list[_Cause] = []
    retry_after_seconds: float | None = None


class ApiStatus(msgspec.Struct):
    """The parts of a Status that matter to a client."""

    code: int = 0
    reason: str = ""
    message: str = ""
    details: _Details | None = None


_decode = msgspec.json.Decoder(ApiStatus).decode


def read_status(body: bytes | msgspec.Raw) -> ApiStatus:
    """Decode a Status; what isn't one (a proxy's error page) becomes the message."""
    try:
        return _decode(body)
    except UNDECODABLE:
        return ApiStatus(message=bytes(body)[:_PROSE_LIMIT].decode(errors="replace").strip())


def error_of(doing: str, status: ApiStatus, http_status: int = 0, retry_after: str | None = None) -> ApiError:
    """Make the error for a Status.

    `http_status` wins over the code in the Status; a watch stream has only the latter. `retry_after` is the
    HTTP header of that name, of which Kubernetes sends the form in seconds.
    """
    code = http_status or status.code or 500
    details = status.details or _Details()
    wait = details.retry_after_seconds
    if wait is None and retry_after is not None and retry_after.isdecimal():
        wait = float(retry_after)
    reason = status.reason or _phrase(code)
    kind = _class_of(code, reason, details)
    message = status.message or "no message"
    if kind is KindMissing and _OURS in doing:
        message = f"the API server doesn't know this kind: apply Rollcall's CRDs, {APPLY_CRDS}"
    return kind(doing, code, reason, message, wait)


def _class_of(code: int, reason: str, details: _Details) -> type[ApiError]:
    # A server that was restored from a backup has not reached our version yet: waiting for it could take
    # for ever, and what it holds now is what counts. It says so with a 504 and a cause.
    if any(cause.reason == _TOO_LARGE for cause in details.causes):
        return Gone
    if reason == "AlreadyExists":
        return AlreadyExists
    # Of an object that is not there the Status has the name. For a kind that is not served the server has
    # what it says of any path that it does not know: "404 page not found".
    if code == 404 and not details.name:
        return KindMissing
    return _CLASSES.get(code, ServerError if code >= 500 else ApiError)


def _phrase(code: int) -> str:
    try:
        return HTTPStatus(code).phrase.replace(" ", "")
    except ValueError:
        return "Unknown"
