"""Everything that can go wrong here, as one tree: catch `ControlPlaneError` to catch it all.

A message is one line that says what was wrong, with which program or object, and what to do.
"""


class ControlPlaneError(Exception):
    """The root: nothing in this package raises anything else on purpose."""


class ProgramMissing(ControlPlaneError):
    """A program is on this machine nowhere, and could not be fetched or built."""


class FetchFailed(ControlPlaneError):
    """A download or a build was tried and failed."""


class StartFailed(ControlPlaneError):
    """A program ended, or did not get ready in time."""


class PortTaken(StartFailed):
    """Somebody else took the port between our choice and the program's bind: choose again."""


class CommandFailed(ControlPlaneError):
    """kubectl or helm exited non-zero."""


class NotOurs(ControlPlaneError):
    """A fault was asked of a cluster that somebody else runs."""


class ApiError(ControlPlaneError):
    """The API server answered a request with a failure status."""

    def __init__(self, method: str, path: str, status: int, reason: str, message: str) -> None:
        super().__init__(f"{method} {path}: {status} {reason}: {message}")
        self.status = status
        self.reason = reason
