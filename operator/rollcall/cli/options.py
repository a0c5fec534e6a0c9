"""The options that all commands but `run` share, and how a command ends in an error."""

import errno
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import click

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])

NOT_FOUND = 3

OPERATOR_NAMESPACE = "rollcall-system"
"""Where the operator is, unless another namespace is given."""


class Failed(click.ClickException):
    """The command can't do what it was asked to: one line that says why, and what to do. Exit code 1."""


class NotThere(click.ClickException):
    """The name or the service does not exist. Exit code 3."""

    exit_code = NOT_FOUND


@dataclass(frozen=True, slots=True)
class GlobalOptions:
    """What the shared options say. `namespace` is None where none was given."""

    kubeconfig: str | None = None
    context: str | None = None
    namespace: str | None = None
    json: bool = False
    color: bool = True
    debug: bool = False


def shared_options(namespace_help: str) -> Callable[[F], F]:
    """Add the shared options to a command; what -n means differs a little."""
    options = (
        click.option(
            "--kubeconfig",
            type=click.Path(exists=True, dir_okay=False),
            help="Kubeconfig file. Default: $KUBECONFIG, the pod's own account in a cluster, ~/.kube/config.",
        ),
        click.option("--context", help="Context of the kubeconfig. Default: its current one."),
        click.option("-n", "--namespace", help=namespace_help),
        click.option(
            "-o", "--output", type=click.Choice(["table", "json"]), help="How to print.  [default: table]"
        ),
        click.option("--no-color", is_flag=True, help="No colors, as with NO_COLOR set in the environment."),
        click.option("-v", "--debug", is_flag=True, help="Log what is done, and print tracebacks."),
    )

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def with_global_options(
    namespace_help: str = "Namespace. Default: that of the context.",
) -> Callable[[Callable[Concatenate[GlobalOptions, P], R]], Callable[..., R]]:
    """Add the shared options to a command, which takes them as its first argument."""

    def decorate(function: Callable[Concatenate[GlobalOptions, P], R]) -> Callable[..., R]:
        @wraps(function)
        def command(
            *arguments: Any,
            kubeconfig: str | None,
            context: str | None,
            namespace: str | None,
            output: str | None,
            no_color: bool,
            debug: bool,
            **own: Any,
        ) -> R:
            options = GlobalOptions(kubeconfig, context, namespace, output == "json", not no_color, debug)
            _configure_log(debug)
            return function(options, *arguments, **own)

        return shared_options(namespace_help)(command)

    return decorate


class Command(click.Command):
    """A command whose errors are one line, unless it is debugged."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            cause = _innermost(error)
            if isinstance(cause, OSError) and cause.errno == errno.EPIPE:
                raise cause from None  # the reader of our output has seen enough; click ends quietly
            if ctx.params["debug"]:
                raise
            raise _one_line(cause) from error


def _innermost(error: Exception) -> Exception:
    """Return the first error of a task group, however deep."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def _one_line(error: Exception) -> click.ClickException:
    if isinstance(error, click.ClickException):
        return error
    from rollcall.kube import KubeError

    from .advice import advice

    if isinstance(error, KubeError):
        return Failed(advice(error))
    return Failed(
        f"{type(error).__name__}: {error}. This should not happen:"
        " run the command again with -v, and report what it prints."
    )


def _configure_log(debug: bool) -> None:
    import logging

    if debug:
        logging.basicConfig(level=logging.DEBUG, format="%(levelname)s %(name)s: %(message)s")
    else:
        # What matters is in the output; a warning in the middle of a live table helps nobody.
        logging.getLogger("rollcall").addHandler(logging.NullHandler())
