"""`python -m controlplane`: fetch programs, start a control plane, or say where things are."""

import argparse
import signal
import sys
from types import FrameType

from controlplane import programs
from controlplane.errors import ControlPlaneError
from controlplane.plane import ControlPlane
from controlplane.progress import say


def main() -> int:
    """Run one subcommand and return the exit code."""
    arguments = _parser().parse_args()
    try:
        if arguments.command == "fetch":
            return _fetch(arguments.program)
        if arguments.command == "where":
            return _where()
        return _up(keep=arguments.keep, storage_json=arguments.storage_json)
    except ControlPlaneError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m controlplane", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    fetch = commands.add_parser("fetch", help="fetch or build programs into the cache")
    fetch.add_argument(
        "program", nargs="*", default=programs.CONTROL_PLANE, help="default: the control plane's"
    )
    up = commands.add_parser("up", help="start a control plane, until Ctrl-C")
    up.add_argument("--keep", action="store_true", help="keep its folder with data and logs")
    up.add_argument("--storage-json", action="store_true", help="store objects in etcd as JSON")
    commands.add_parser("where", help="say which programs are found where")
    return parser


def _fetch(wanted: list[str]) -> int:
    for program in wanted:
        print(f"{program}\t{programs.find(program)}")
    return 0


def _where() -> int:
    for program in programs.names():
        found = programs.locate(program)
        version = programs.version(program) or ""
        place = f"{found.path} ({found.origin})" if found else "-"
        print(f"{program:24} {version:9} {place}")
    return 0


def _up(*, keep: bool, storage_json: bool) -> int:
    signal.signal(signal.SIGTERM, _interrupt)
    with ControlPlane(keep=keep, storage_json=storage_json) as plane:
        print(plane.kubeconfig, flush=True)
        say(f"{plane.url} is up; Ctrl-C stops it. Logs are in {plane.folder}")
        try:
            while True:
                signal.pause()
        except KeyboardInterrupt:
            say("stopping")
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
