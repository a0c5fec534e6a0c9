"""How things are printed, on a terminal and in a pipe."""

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from rollcall.cli.output import Printer, age, line, printable, table, write_json
from rollcall.model.state import Health, State

SENTENCE = "a sentence of several words"
ROWS = [
    ("web", "", 3, State(Health.BAD, "NotReady", SENTENCE)),
    ("api", "", 12, State(Health.GOOD, "fine")),
]
COLUMNS = ("NAME", "EMPTY", "COUNT", "STATE")


def printed(
    capsys: pytest.CaptureFixture[str], *, width: int | None = None, color: bool = False
) -> list[str]:
    """Return the lines that a terminal of a width is sent; without a width it is a pipe."""
    printer = Printer(color=color)
    if width:
        printer.console = Console(
            file=io.StringIO(), force_terminal=True, width=width, color_system="standard" if color else None
        )
    printer.show(table(COLUMNS, ROWS), line("done", Health.GOOD))
    return capsys.readouterr().out.splitlines()


def test_a_pipe_gets_whole_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, color=True) == [
        "NAME   COUNT   STATE",
        f"web        3   NotReady: {SENTENCE}",
        "api       12   fine",
        "done",
    ]


def test_a_terminal_folds_the_last_column(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, width=50) == [
        "NAME   COUNT   STATE",
        "web        3   NotReady: a sentence of several",
        "               words",
        "api       12   fine",
        "done",
    ]


def test_a_narrow_terminal_wraps_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """Rather than losing the end of an address."""
    assert printed(capsys, width=30)[1] == f"web        3   NotReady: {SENTENCE}"


def test_states_have_colors(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, width=60, color=True)
    assert "\x1b[31mNotReady\x1b[0m" in lines[1]
    assert "\x1b[32mfine\x1b[0m" in lines[2]
    assert not any("\x1b" in each for each in printed(capsys, width=60, color=False))


@pytest.mark.parametrize(
    ("variables", "color", "expected"),
    [({}, True, "auto"), ({}, False, None), ({"NO_COLOR": "1"}, True, None)],
)
def test_colors_can_be_turned_off(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], color: bool, expected: str | None
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    console = Printer(color=color).console
    assert (console.color_system is not None and not console.no_color) is (expected is not None)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (119, "119s"), (120, "2m"), (7199, "119m"), (7200, "2h"), (172800, "2d"), (-5, "0s")],
)
def test_ages(seconds: int, text: str) -> None:
    now = datetime.fromtimestamp(1767268800 + seconds, UTC)
    assert age("2026-01-01T12:00:00Z", now) == text


@pytest.mark.parametrize(("time", "text"), [("", ""), ("yesterday", "?"), ("2026-01-01T12:00:00", "?")])
def test_ages_of_what_is_no_time(time: str, text: str) -> None:
    assert age(time, datetime.now(UTC)) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("größer", "größer"),
        ("a\x1b[31mb", "a [31mb"),
        ("a\r\nb", "a  b"),
        ("a\u202eb", "a b"),
    ],
)
def test_only_what_can_be_printed_is(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_json_is_safe_for_a_terminal_too(capsys: pytest.CaptureFixture[str]) -> None:
    write_json({"text": "\x1b[31m\u009b"}, indent=None)
    assert capsys.readouterr().out == '{"text": "\\u001b[31m\\u009b"}\n'
