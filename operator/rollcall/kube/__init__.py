"""The API server's client, its errors and credentials, back-off and the work queue: usable by all above.

Only the errors can be had from here. The client brings aiohttp with it, the credentials PyYAML: a DNS worker,
which takes no more than its back-off from this package, has to start without them.
"""

from .errors import (
    AlreadyExists,
    ApiError,
    BadAnswer,
    Conflict,
    CredentialsError,
    Forbidden,
    Gone,
    Invalid,
    KindMissing,
    KubeError,
    NotFound,
    PageTooLong,
    ServerError,
    TooManyRequests,
    Unauthorized,
    Unreachable,
)

__all__ = [
    "AlreadyExists",
    "ApiError",
    "BadAnswer",
    "Conflict",
    "CredentialsError",
    "Forbidden",
    "Gone",
    "Invalid",
    "KindMissing",
    "KubeError",
    "NotFound",
    "PageTooLong",
    "ServerError",
    "TooManyRequests",
    "Unauthorized",
    "Unreachable",
]
