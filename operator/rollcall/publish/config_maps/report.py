"""What a DiscoveryFile's status says of its ConfigMaps."""

import msgspec

from rollcall.kube.errors import AlreadyExists, ApiError, Conflict, Forbidden, ServerError, TooManyRequests
from rollcall.kube.work_queue import TryAgain
from rollcall.model import DiscoveryFile, Key, Problem
from rollcall.publish.files import LeftOut


class FileReport(msgspec.Struct, frozen=True):
    """What there is to say in the status of a DiscoveryFile.

    What stands in the ConfigMaps: services, instances, bytes, names, keys, digest, serial; all empty before
    the first success. `digest` is the SHA-256 of the whole, as the ETag over HTTP. `generation` is that of
    the spec which this report is about, and `problem` says why the ConfigMaps don't follow it. `written_at`
    is the time (Unix seconds) of our last write, None if this process had nothing to write.
    """

    generation: int
    services: int = 0
    instances: int = 0
    bytes: int = 0
    config_maps: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    digest: str = ""
    serial: int | None = None
    written_at: float | None = None
    left_out: tuple[LeftOut, ...] = ()
    problem: Problem | None = None


class Refused(TryAgain):
    """A write that isn't even tried; `problem` says what to change."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def gone(config_map: Key) -> Problem:
    """Say that a ConfigMap that was written isn't there any more."""
    return Problem(
        "ConfigMapGone",
        f"Somebody has deleted the ConfigMap {config_map}, or taken the label off it: it is written anew.",
    )


def problem_of(file: DiscoveryFile, error: Exception) -> Problem:
    """Say what stands in the way of a file."""
    target = f"the ConfigMap {file.key.namespace}/{file.spec.config_map.name}"
    match error:
        case Refused():
            return error.problem
        case Forbidden():
            return Problem(
                "Forbidden",
                f"Rollcall needs the verbs get, create and update for configmaps in {file.key.namespace}:"
                f" {error}.",
            )
        case Conflict() | AlreadyExists():
            return Problem(
                "ConfigMapConflict",
                f"Somebody else keeps writing {target}: {error}. Let Rollcall alone write it.",
            )
        case ApiError() if not isinstance(error, ServerError | TooManyRequests):
            return Problem("ConfigMapRefused", f"The API server refuses {target}: {error}.")
        case _:
            return Problem(
                "ApiUnreachable",
                f"The API server can't be asked for {target}: {str(error) or type(error).__name__}."
                " It is tried again.",
            )
