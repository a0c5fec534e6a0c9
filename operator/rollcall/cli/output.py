"""How the commands print: tables and lines for people, JSON for programs.

Pods and their owners write much of what is shown here. It is printed as text only: no markup, and no control
character that a terminal would obey.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import click
import msgspec

from .objects import Health, State

if TYPE_CHECKING:
    from rich.console import RenderableType

Cell: TypeAlias = str | int | State

PIPE_COLUMNS = 4000
"""The width of a table that goes into a pipe: lines are never wrapped there."""

_STYLES = {Health.GOOD: "green", Health.WARN: "yellow", Health.BAD: "red"}


class Printer:
    """Prints to standard output."""

    def __init__(self, *, color: bool) -> None:
        from rich.console import Console

        self.console: Console = Console(
            color_system="auto" if color else None, highlight=False, markup=False, emoji=False
        )
        if not self.console.is_terminal:
            self.console.width = PIPE_COLUMNS

    def show(self, *parts: "RenderableType") -> None:
        """Print parts, each from the beginning of a line; rich's own padding is left out of a pipe."""
        if self.console.is_terminal:
            self.console.print(*parts, sep="\n")
            return
        with self.console.capture() as capture:
            self.console.print(*parts, sep="\n")
        for line in capture.get().splitlines():
            click.echo(line.rstrip())


def table(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> "RenderableType":
    """Lay out a table as kubectl does. A column without content is left out."""
    from rich.table import Table
    from rich.text import Text

    filled = [list(row) for row in rows]
    kept = [at for at in range(len(columns)) if any(row[at] != "" for row in filled)]
    laid = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for at in kept:
        numeric = all(isinstance(row[at], int) for row in filled)
        laid.add_column(Text(columns[at]), justify="right" if numeric else "left", overflow="fold")
    for row in filled:
        laid.add_row(*(_text(row[at]) for at in kept))
    return laid


def line(text: str, health: Health | None = None) -> "RenderableType":
    """Make a line of text, in the color of a health."""
    from rich.text import Text

    return Text(printable(text), style=_STYLES[health] if health else "")


def _text(cell: Cell) -> "RenderableType":
    from rich.text import Text

    if isinstance(cell, State):
        sentence = f": {printable(cell.message)}" if cell.message else ""
        return Text.assemble((printable(cell.word), _STYLES[cell.health]), sentence)
    return Text(printable(str(cell)))


def printable(text: str) -> str:
    """Replace what a terminal might obey instead of showing it."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else " " for character in text)


def write_json(value: Any, *, indent: int | None = 2) -> None:
    """Print a value of structs, dicts and lists as JSON; with `indent` None on one line."""
    click.echo(json.dumps(msgspec.to_builtins(value, enc_hook=str), indent=indent))


def age(time: str, now: datetime) -> str:
    """Say how long ago an RFC 3339 time was, as kubectl does; "" for none, "?" for what is no time."""
    if not time:
        return ""
    try:
        seconds = int((now - datetime.fromisoformat(time)).total_seconds())
    except (ValueError, TypeError):  # TypeError: a time without its offset from UTC
        return "?"
    seconds = max(seconds, 0)
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def utc_now() -> datetime:
    """Return the time that ages are counted to."""
    return datetime.now(UTC)
