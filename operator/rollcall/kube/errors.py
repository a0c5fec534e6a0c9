"""What can go wrong between Rollcall and the API server, as one tree.

KubeError
├── CredentialsError      no kubeconfig, an unreadable one, a login program that takes too long
├── Unreachable           no connection, a broken one, a time-out
│   └── BadAnswer         an answer that isn't the API's, or can't be true
├── PageTooLong           a page of a list that is longer than we read: ask for fewer objects
└── ApiError              the API server answered and said no (a status without a class of its own)
    ├── Unauthorized      401
    ├── Forbidden         403: the message names the verb and the resource
    ├── NotFound          404: the object
    │   └── KindMissing   404: its whole kind, while the CRD is missing or not established yet
    ├── AlreadyExists     409, on create
    ├── Conflict          409, on a write with an old resourceVersion
    ├── Gone              410, or a resourceVersion that the server has not reached: list again
    ├── Invalid           422
    ├── TooManyRequests   429
    └── ServerError       5xx
"""

import msgspec

APPLY_CRDS = "kubectl apply --server-side -f manifests/crds/"
"""What makes our kinds known to an API server, and brings them up to date."""

UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that aren't what they should be; an answer of such bytes is a BadAnswer."""


class KubeError(Exception):
    """The root. Nothing in this package raises anything else on purpose."""


def reason_of(error: KubeError) -> str:
    """Return the one word that counts an error: the API's own, or what kind of failure it is."""
    return error.reason if isinstance(error, ApiError) else type(error).__name__


class CredentialsError(KubeError):
    """There is no way to know where the API server is, or who we are there."""


class Unreachable(KubeError):
    """No usable answer: the outcome of a write is unknown."""


class BadAnswer(Unreachable):
    """An answer of another shape, kind or version than was asked for; something else may have given it."""


class PageTooLong(KubeError):
    """A page of several objects is longer than MAX_PAGE; it was not read to its end."""


class ApiError(KubeError):
    """The API server refused.

    `doing` is the request ("GET /api/v1/pods"), `reason` a word of the API ("NotFound", "Expired"),
    `message` its sentence. `retry_after_seconds` is set where the server asked us to wait.
    """

    def __init__(
        self, doing: str, status: int, reason: str, message: str, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(f"{doing}: {status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after_seconds = retry_after_seconds


class Unauthorized(ApiError):
    """401: the credentials were refused, also after they were loaded afresh."""


class Forbidden(ApiError):
    """403: a right is missing."""


class NotFound(ApiError):
    """404: there is no object of this name."""


class KindMissing(NotFound):
    """404: the API server serves no such kind; of ours the message says what to apply."""


class AlreadyExists(ApiError):
    """409: an object of this name is there."""


class Conflict(ApiError):
    """409: the object has changed since it was read."""


class Gone(ApiError):
    """The history from which we wanted to go on is no longer there, or not yet: list again."""


class Invalid(ApiError):
    """422: the API server's validation turned the object down."""


class TooManyRequests(ApiError):
    """429: wait `retry_after_seconds`."""


class ServerError(ApiError):
    """5xx."""
