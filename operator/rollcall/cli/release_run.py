"""How the release commands run: they show, ask, wait and say how far it has got."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from rollcall.kube import Unreachable

from . import output
from .cluster import connected
from .objects import ServiceObject
from .options import Failed, GlobalOptions
from .output import Printer, printable, write_json
from .release_change import ReleaseChange
from .release_session import ReleaseView, apply_change, cannot_see, read, wait
from .release_targets import TargetView
from .release_views import progress, release_json, release_parts
from .status import key_of

REDRAW_SECONDS = 1.0
"""Between two looks of `status --watch`."""


async def show(options: GlobalOptions, name: str, *, watch: bool) -> None:
    """Show a release, once or until cancelled."""
    key = await key_of(options, name)
    async with connected(options) as cluster:
        if not watch:
            _show(options, await read(cluster, key))
            return
        is_away = False
        with _following(options) as show_again:
            while True:
                try:
                    show_again(await read(cluster, key))
                except Unreachable as error:
                    if not is_away:
                        click.echo(f"Trying again: {error}", err=True)
                    is_away = True
                else:
                    is_away = False
                await asyncio.sleep(REDRAW_SECONDS)


def _show(options: GlobalOptions, view: ReleaseView) -> None:

    if options.json:
        write_json(release_json(view, view.targets()))
    else:
        Printer(color=options.color).show(*release_parts(view, output.utc_now()))


@contextmanager
def _following(options: GlobalOptions) -> Iterator[Callable[[ReleaseView], None]]:
    """Give what shows a release again and again: a live table on a terminal, else a line for each change."""
    console = Printer(color=options.color).console
    if not options.json and console.is_terminal:
        from rich.console import Group
        from rich.live import Live

        with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
            yield lambda view: live.update(Group(*release_parts(view, output.utc_now())), refresh=True)
        return
    last: object = None

    def print_change(view: ReleaseView) -> None:
        nonlocal last
        found = view.targets()
        shown = release_json(view, found) if options.json else progress(view, found)
        if shown == last:
            return
        last = shown
        if isinstance(shown, str):
            click.echo(_stamped(shown))
        else:
            write_json(shown, indent=None)

    yield print_change


async def change(
    options: GlobalOptions,
    name: str,
    decide: Callable[[ServiceObject], ReleaseChange],
    timeout_seconds: float | None,
) -> None:
    """Change a release and say so; with a time-out wait for it."""
    key = await key_of(options, name)
    async with connected(options) as cluster:
        if timeout_seconds is not None and (view := await read(cluster, key)).unread:
            raise Failed(cannot_see(view))  # before anything is changed
        asked_for, asked = await apply_change(cluster, key, decide)
        told = f"{key}: {asked_for.told}"
        note = printable(asked_for.note)
        if note:
            click.echo(f"Note: {note}", err=True)
        if timeout_seconds is not None:
            click.echo(told, err=True)
            found = await wait(cluster, asked, timeout_seconds, _teller())
            told = f"{key}: in force, and no zone publishes it."
            if found:
                told = f"{key}: in force, every target has it ({len(found)} of {len(found)})."
    if options.json:
        answer = {"namespace": key.namespace, "name": key.name, "changed": bool(asked_for.patch)}
        write_json({**answer, "message": told, "note": asked_for.note})
    else:
        click.echo(told)


def _teller() -> Callable[[ReleaseView, list[TargetView]], None]:
    """Return what says on standard error how far it has got, a line for each change."""
    last = ""

    def print_change(view: ReleaseView, found: list[TargetView]) -> None:
        nonlocal last
        told = progress(view, found)
        if told != last:
            click.echo(_stamped(told), err=True)
            last = told

    return print_change


def _stamped(text: str) -> str:

    return f"{output.utc_now().astimezone().strftime('%H:%M:%S')}  {printable(text)}"
