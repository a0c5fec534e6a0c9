"""How the release commands run: they show, ask, wait and say how far it has got."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from rollcall.kube import Unreachable

from . import output
from .cluster import connected
from .options import Failed, Settings
from .output import Printer, printable, write_json
from .release_change import Change
from .release_objects import ReleasedService
from .release_session import View, ask, cannot_see, read, wait
from .release_targets import Target
from .release_views import progress, release_json, release_parts
from .status import key_of

REDRAW_SECONDS = 1.0
"""Between two looks of `status --watch`."""


async def show(settings: Settings, name: str, *, watch: bool) -> None:
    """Show a release, once or until cancelled."""
    key = await key_of(settings, name)
    async with connected(settings) as cluster:
        if not watch:
            _show(settings, await read(cluster, key))
            return
        is_away = False
        with _following(settings) as show_again:
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


def _show(settings: Settings, view: View) -> None:

    if settings.json:
        write_json(release_json(view, view.targets()))
    else:
        Printer(color=settings.color).show(*release_parts(view, output.utc_now()))


@contextmanager
def _following(settings: Settings) -> Iterator[Callable[[View], None]]:
    """Give what shows a release again and again: a live table on a terminal, else a line for each change."""
    console = Printer(color=settings.color).console
    if not settings.json and console.is_terminal:
        from rich.console import Group
        from rich.live import Live

        with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
            yield lambda view: live.update(Group(*release_parts(view, output.utc_now())), refresh=True)
        return
    last: object = None

    def tell(view: View) -> None:
        nonlocal last
        found = view.targets()
        shown = release_json(view, found) if settings.json else progress(view, found)
        if shown == last:
            return
        last = shown
        if isinstance(shown, str):
            click.echo(_stamped(shown))
        else:
            write_json(shown, indent=None)

    yield tell


async def change(
    settings: Settings, name: str, decide: Callable[[ReleasedService], Change], timeout_seconds: float | None
) -> None:
    """Change a release and say so; with a time-out wait for it."""
    key = await key_of(settings, name)
    async with connected(settings) as cluster:
        if timeout_seconds is not None and (view := await read(cluster, key)).unread:
            raise Failed(cannot_see(view))  # before anything is changed
        asked_for, asked = await ask(cluster, key, decide)
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
    if settings.json:
        answer = {"namespace": key.namespace, "name": key.name, "changed": bool(asked_for.patch)}
        write_json({**answer, "message": told, "note": asked_for.note})
    else:
        click.echo(told)


def _teller() -> Callable[[View, list[Target]], None]:
    """Return what says on standard error how far it has got, a line for each change."""
    last = ""

    def tell(view: View, found: list[Target]) -> None:
        nonlocal last
        told = progress(view, found)
        if told != last:
            click.echo(_stamped(told), err=True)
            last = told

    return tell


def _stamped(text: str) -> str:

    return f"{output.utc_now().astimezone().strftime('%H:%M:%S')}  {printable(text)}"
