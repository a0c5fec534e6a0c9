"""`rollcall` itself: the list of commands, and the options that all of them share."""

import sys
from importlib import import_module
from pathlib import PurePath
from typing import Any

import click

import rollcall

from .options import shared_options

COMMANDS = {
    "status": "Show zones, services and files, and what is left out.",
    "lookup": "Ask a DNS server, and say which instances the answer is.",
    "watch": "Follow services as their instances come and go, until Ctrl-C.",
    "release": "Show and change which versions of a service are answered.",
    "takeover": "Take a service back whose marker no leader can have written.",
    "check": "Check an installation: API, CRDs, rights, ports, zones.",
    "run": "Run the operator.",
}
"""Name and one-line help of each command; it is `rollcall.cli.<name>.<name>`.

The lines are here too, so that `rollcall --help` imports none of the modules.
"""

EPILOG = """\b
Exit codes:
  0  fine
  1  an error, or a check that failed
  2  wrong usage
  3  the name or the service does not exist
  4  not every target had it in time (release --wait)

\b
Examples:
  rollcall status -A                              everything, and what is left out
  rollcall status web -n shop                     one service, instance by instance
  rollcall lookup web.shop.k8s.example.com        an answer, and whom it names
  rollcall watch -n shop                          live
  rollcall release switch web green --wait        blue/green, until every target has it
  rollcall check                                  is the installation sound?
"""


class LazyGroup(click.Group):
    """A group that imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order of the help page."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        command = getattr(import_module(f"rollcall.cli.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands section of the help page."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(name="rollcall", cls=LazyGroup, epilog=EPILOG)
@click.version_option(rollcall.__version__, prog_name="rollcall", message="%(prog)s %(version)s")
@shared_options("Namespace. Default: that of the context.")
@click.pass_context
def group(context: click.Context, /, **given: Any) -> None:
    """Service discovery for Kubernetes that leaves the cluster.

    Rollcall watches pods and publishes the ready ones in DNS zones and files. The options below may also
    stand after the command, as in `rollcall status -A -o json`.
    """
    # Defaults of the commands: what is said after the command comes before what is said here.
    defaults = {name: value for name, value in given.items() if value}
    context.default_map = {name: {**defaults} for name in COMMANDS}


def start() -> None:
    """Parse the arguments of this process and run; does not return."""
    called = PurePath(sys.argv[0]).name.removesuffix(".exe")
    program = "kubectl rollcall" if called == "kubectl-rollcall" else "rollcall"
    group.main(prog_name=program, complete_var="_ROLLCALL_COMPLETE")
