"""What goes wrong in the demo itself; the control plane has errors of its own."""


class DemoError(Exception):
    """The root: a message of one line that says what to do. `details` are shown below it."""

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message)
        self.details = details


class Unreachable(DemoError):
    """The cluster that was given does not answer."""


class ClusterInUse(DemoError):
    """The cluster that was given holds objects that the demo must not touch."""


class RollcallFailed(DemoError):
    """Rollcall ended, or was not ready in time."""


class Missed(DemoError):
    """What was expected of Rollcall did not come in time."""
