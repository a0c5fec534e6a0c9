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

from rollcall.model.state import Health, State

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

Cell: TypeAlias = str | int | State

PIPE_COLUMNS = 100_000
"""The width of a table that goes into a pipe: lines are never wrapped there."""

FOLDED_COLUMNS = 30
"""The least width of a column that is folded."""

_STYLES = {Health.GOOD: "green", Health.WARN: "yellow", Health.BAD: "red"}


class Printer:
    """Prints to standard output."""

    def __init__(self, *, color: bool) -> None:
        from rich.console import Console

        self.console: Console = Console(
            color_system="auto" if color else None, highlight=False, markup=False, emoji=False
        )

    def show(self, *parts: "RenderableType") -> None:
        """Print parts, each from the beginning of a line.

        Only the last column of a table is folded to the width of the terminal. What is wider all the same is
        left to the terminal, as kubectl does: an address that is cut is worth nothing.
        """
        from rich.measure import Measurement

        console = self.console
        unbounded = console.options.update(width=PIPE_COLUMNS)
        needed = max(Measurement.get(console, unbounded, part).minimum for part in parts)
        if not console.is_terminal or needed > console.width:
            console.width = PIPE_COLUMNS
        with console.capture() as capture:
            console.print(*parts, sep="\n")
        for line in capture.get().splitlines():
            # Rich fills up to the width of a column, and has decided about colors.
            click.echo(line.rstrip(), color=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> "RenderableType":
    """Lay out a table as kubectl does. A column without content is left out."""
    from rich.table import Table
    from rich.text import Text

    given = list(rows)
    filled = [[_text(cell) for cell in row] for row in given]
    kept = [at for at in range(len(columns)) if any(row[at] for row in filled)]
    numeric = [all(isinstance(cell, int) for cell in column) for column in zip(*given, strict=True)]
    laid = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for at in kept:
        width = max(len(columns[at]), *(row[at].cell_len for row in filled))
        is_last = at == kept[-1]
        laid.add_column(
            Text(columns[at]),
            justify="right" if numeric[at] else "left",
            overflow="fold",
            no_wrap=not is_last,
            min_width=min(width, FOLDED_COLUMNS) if is_last else width,
        )
    for row in filled:
        laid.add_row(*(row[at] for at in kept))
    return laid


def line(text: str, health: Health | None = None) -> "RenderableType":
    """Make a line of text, in the color of a health."""
    from rich.text import Text

    return Text(printable(text), style=_STYLES[health] if health else "")


def _text(cell: Cell) -> "Text":
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


def whole(struct: msgspec.Struct) -> dict[str, Any]:
    """Return a struct as JSON holds it, also what the API leaves out for being empty."""
    fields = zip(type(struct).__struct_encode_fields__, msgspec.structs.astuple(struct), strict=True)
    return {name: _whole(value) for name, value in fields}


def _whole(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return whole(value)
    return [_whole(item) for item in value] if isinstance(value, tuple) else value


def age(time: str, now: datetime) -> str:
    """Say how long ago an RFC 3339 time was, as kubectl does; "" for none, "?" for what is not a time."""
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
