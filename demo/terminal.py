"""What the demo prints: plain text of up to 100 columns, with colour on a terminal that wants it."""

import os
import sys
import textwrap
import time
from collections.abc import Iterable

COLUMNS = 100

_BOLD = "1"
_GREEN = "32"
_RED = "31"
_DIM = "2"


class Terminal:
    """Writes to stdout, line by line; errors go to stderr."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._step = 0
        self._started = time.monotonic()
        self._colour = _wants_colour()

    @property
    def elapsed_seconds(self) -> float:
        """Seconds since the demo began."""
        return time.monotonic() - self._started

    def step(self, title: str) -> None:
        """Begin the next step: its number, its title, and the time so far on the right."""
        self._step += 1
        left = f"[{self._step}/{self._steps}] {title}"
        right = f"{self.elapsed_seconds:.1f} s"
        gap = " " * max(2, COLUMNS - len(left) - len(right))
        self._line("")
        self._line(self._paint(left, _BOLD) + gap + self._paint(right, _DIM))

    def say(self, text: str) -> None:
        """Print a paragraph."""
        for line in textwrap.wrap(text, COLUMNS, break_long_words=False, break_on_hyphens=False):
            self._line(line)

    def command(self, words: str, output: str = "", *, about: str = "", given: str = "") -> None:
        """Print a command line that was run, with what it was given on stdin, and what it said."""
        self._line("")
        if about:
            self._line(self._paint(f"# {about}", _DIM))
        here = " <<END" if given else ""
        self._line(self._paint(f"$ {words}{here}", _BOLD))
        if given:
            self.lines([*given.splitlines(), "END"])
        self.lines(output.strip("\n").splitlines())

    def lines(self, lines: Iterable[str]) -> None:
        """Print lines as they are."""
        for line in lines:
            self._line(line.rstrip())

    def change(self, title: str) -> None:
        """Print what is done to the services next."""
        self._line("")
        self._line(self._paint(f"* {title}", _BOLD))

    def before(self, question: str, answer: str) -> None:
        """Print what a question was answered before a change."""
        self._line(f"    {question}")
        self._line(f"      before  {answer}")

    def after(self, answer: str, milliseconds: float) -> None:
        """Print what it is answered after the change, and how soon."""
        left = f"      after   {answer}"
        right = f"{milliseconds:.1f} ms"
        gap = " " * max(2, COLUMNS - len(left) - len(right))
        self._line(left + gap + self._paint(right, _GREEN))

    def failure(self, message: str, details: str = "") -> None:
        """Print one line about what went wrong on stderr, below what there is to read about it."""
        sys.stdout.flush()
        if details:
            print(f"\n{details}", file=sys.stderr)
        print(self._paint(f"\ndemo: {message}", _RED), file=sys.stderr, flush=True)

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text

    def _line(self, text: str) -> None:
        print(text, flush=True)


def _wants_colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
