"""`rollcall release`: which versions of a service are answered, shown and changed."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from .options import Command, GlobalOptions, shared_options, with_global_options

if TYPE_CHECKING:
    from .objects import ServiceObject
    from .release_change import ReleaseChange

    Decide = Callable[[ServiceObject], ReleaseChange]

Parameter = Callable[[Callable[..., None]], Callable[..., None]]
"""Adds an argument or an option to a command."""

WAIT_SECONDS = 300.0


@click.group(
    epilog="""\b
Examples:
  rollcall release status web -n shop                 versions, shares, targets
  rollcall release switch web green --wait            blue/green: to green, at once
  rollcall release rollback web                       and back
  rollcall release weight web 25 --wait --timeout 60  canary: a quarter of the answers
  rollcall release promote web                        the canary becomes the stable version
  rollcall release abort web                          the canary gets no answers any more
"""
)
@shared_options("Namespace. Default: that of the context.")
@click.pass_context
def release(context: click.Context, /, **given: Any) -> None:
    """Show and change which versions of a service are answered.

    A change writes spec.release of the ServiceInstance with your own rights: it needs the verb patch on
    serviceinstances, which the role edit of a namespace has. Everything but `status` returns once that is
    written, or with --wait once every target has it.
    """
    # As with the options of `rollcall` itself: what is said after the command comes first.
    defaults = {**(context.default_map or {}), **{name: value for name, value in given.items() if value}}
    context.default_map = {name: {**defaults} for name in release.commands}


@release.command(
    cls=Command,
    epilog="""\b
Examples:
  rollcall release status web -n shop      one look
  rollcall release status web --watch      live, until Ctrl-C
  rollcall release status web -o json      for programs
""",
)
@click.argument("name", metavar="NAME")
@click.option("--watch", is_flag=True, help="Go on showing it, until Ctrl-C.")
@with_global_options()
def status(options: GlobalOptions, name: str, watch: bool) -> None:
    """Show the versions of a service, their shares, and which targets have them."""
    from .release_run import show

    try:
        asyncio.run(show(options, name, watch=watch))
    except KeyboardInterrupt:
        return  # the way to end --watch


_WAITING = (
    click.option("--wait", is_flag=True, help="Return when every target has it; show the way there."),
    click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        default=WAIT_SECONDS,
        show_default=True,
        help="Seconds for --wait, after which it ends with code 4; the change stays.",
    ),
)


def _changing(examples: str, *own: Parameter) -> Callable[[Callable[..., "Decide"]], click.Command]:
    """Make a command out of a function that gives what is to be decided, from its `own` parameters."""

    def decorate(function: Callable[..., "Decide"]) -> click.Command:
        @with_global_options()
        def command(options: GlobalOptions, /, name: str, wait: bool, timeout: float, **given: Any) -> None:
            from .release_run import change

            asyncio.run(change(options, name, function(**given), timeout if wait else None))

        parameters: tuple[Parameter, ...] = (click.argument("name", metavar="NAME"), *own, *_WAITING)
        for parameter in reversed(parameters):
            command = parameter(command)
        return release.command(
            function.__name__, cls=Command, help=function.__doc__, epilog=f"\b\nExamples:\n{examples}"
        )(command)

    return decorate


@_changing(
    """\
  rollcall release switch web green -n shop            ask for it
  rollcall release switch web green --wait             until every target has it
""",
    click.argument("version", metavar="VERSION"),
    click.option("--force", is_flag=True, help="Ask for it even if it must wait until enough are ready."),
)
def switch(version: str, force: bool) -> "Decide":
    """Blue/green: answer another version, and no other."""
    from .release_change import switch as decide

    return partial(decide, version=version, force=force)


@_changing("""\
  rollcall release rollback web -n shop
  rollcall release rollback web --wait --timeout 60
""")
def rollback() -> "Decide":
    """Go back to the version before; of a canary the same as abort.

    A switch that has not been let through is called off.
    """
    from .release_change import rollback as decide

    return decide


@_changing(
    """\
  rollcall release weight web 10 -n shop
  rollcall release weight web 100 --wait
""",
    click.argument("percent", metavar="PERCENT", type=click.IntRange(0, 100)),
)
def weight(percent: int) -> "Decide":
    """Canary: its part of the answers, 0 to 100."""
    from .release_change import weight as decide

    return partial(decide, percent=percent)


@_changing("""\
  rollcall release promote web -n shop
  rollcall release promote web --wait
""")
def promote() -> "Decide":
    """Canary: make it the stable version, with all answers.

    The stable version until now takes its place, with weight 0: `weight NAME 100` goes back to it.
    """
    from .release_change import promote as decide

    return decide


@_changing("""\
  rollcall release abort web -n shop
  rollcall release abort web --wait
""")
def abort() -> "Decide":
    """Canary: take it out of the answers (weight 0)."""
    from .release_change import abort as decide

    return decide
