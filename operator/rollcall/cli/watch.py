"""`rollcall watch`: services as their instances come and go."""

import asyncio
from typing import TYPE_CHECKING

import click

from .options import Command, GlobalOptions, with_global_options

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

    from rollcall.model import Key

    from .objects import ServiceObject
    from .output import Printer
    from .stream import ServiceStream

REDRAW_SECONDS = 1.0
"""Ages grow also while nothing changes."""


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  rollcall watch -A                 all services, a line each
  rollcall watch web api -n shop    two services, instance by instance
  rollcall watch -A -o json         a line of JSON for each change
""",
)
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@click.option("-A", "--all-namespaces", is_flag=True, help="Services of all namespaces.")
@with_global_options()
def watch(options: GlobalOptions, services: tuple[str, ...], all_namespaces: bool) -> None:
    """Follow services as their instances come and go, until Ctrl-C.

    On a terminal it is a live table, with SERVICE (a name, or NAMESPACE/NAME) one of instances; in a pipe a
    line for each change. The API server tells of changes once Rollcall has written them to the status, up to
    a second after DNS has them.
    """
    if all_namespaces and (options.namespace or services):
        raise click.UsageError("-A excludes -n and SERVICE: write NAMESPACE/NAME for services anywhere.")
    try:
        asyncio.run(_follow(options, services, all_namespaces=all_namespaces))
    except KeyboardInterrupt:
        return  # the way to end it


async def _follow(options: GlobalOptions, names: tuple[str, ...], *, all_namespaces: bool) -> None:
    from .cluster import connected, namespace_of
    from .output import Printer
    from .status import key_of
    from .stream import ServiceStream

    wanted = {await key_of(options, name) for name in names}
    namespaces = {key.namespace for key in wanted}
    if not wanted and not all_namespaces:
        namespaces = {await namespace_of(options)}
    namespace = namespaces.pop() if len(namespaces) == 1 else None
    printer = None if options.json else Printer(color=options.color)
    async with connected(options) as cluster:
        await cluster.probe(namespace)
        stream = ServiceStream(cluster.client, namespace, wanted)
        async with asyncio.TaskGroup() as group:
            group.create_task(stream.run())
            if printer is not None and printer.console.is_terminal:
                await _draw(stream, printer)
            else:
                await _write(stream, printer)


async def _write(stream: "ServiceStream", printer: "Printer | None") -> None:
    """Print a line for each change: JSON, or text where there is a printer."""
    from .output import line, utc_now, write_json
    from .views import reasons_text, service_json

    reported = ""
    while True:
        for kind, service in await stream.changes_within(REDRAW_SECONDS):
            if printer is None:
                write_json({"type": kind, "service": service_json(service, instances=True)}, indent=None)
                continue
            words = (
                utc_now().astimezone().strftime("%H:%M:%S"),
                kind,
                str(service.key),
                service.status.ready or "-",
                service.state.word,
                reasons_text(service),
            )
            printer.show(line("  ".join(filter(None, words))))
        if (trouble := stream.trouble) != reported:
            reported = trouble
            click.echo(f"Trying again: {reported}" if reported else "Works again.", err=True)


async def _draw(stream: "ServiceStream", printer: "Printer") -> None:
    """Keep a live table on the terminal."""
    from rich.live import Live

    with Live(console=printer.console, auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            live.update(_picture(stream, printer.console.height), refresh=True)
            await stream.changes_within(REDRAW_SECONDS)


def _picture(stream: "ServiceStream", height: int) -> "RenderableType":
    from rich.console import Group

    from rollcall.model.state import Health

    from .output import line, utc_now
    from .views import join, service_parts, services_table

    now = utc_now()
    parts: list[RenderableType] = []
    if stream.wanted:
        parts = join([service_parts(service, now) for service in stream.services()])
        parts += [line(f"{key}: no such ServiceInstance yet", Health.WARN) for key in stream.missing()]
    else:
        room = max(height - 4, 1)
        shown = _shown(stream.services(), room)
        parts = [services_table(shown, now) if shown else line("No services yet.")]
        if (hidden := len(stream.services()) - len(shown)) > 0:
            parts.append(line(f"and {hidden} more, whose last change is longer ago"))
    trouble = stream.trouble
    parts += [
        line(""),
        line(f"Trying again: {trouble}", Health.BAD) if trouble else line("Ctrl-C ends this."),
    ]
    return Group(*parts)


def _shown(services: "list[ServiceObject]", room: int) -> "list[ServiceObject]":
    """Choose the services that fit: those that changed last, in the usual order."""
    if len(services) <= room:
        return services
    recent: Iterable[Key] = [
        service.key
        for service in sorted(services, key=lambda service: service.status.last_change_time, reverse=True)
    ][:room]
    chosen = set(recent)
    return [service for service in services if service.key in chosen]
