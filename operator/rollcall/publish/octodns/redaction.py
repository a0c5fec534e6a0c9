"""Keeps what is confidential out of everything that a run says."""

import io
from collections.abc import Iterable
from typing import TextIO
from urllib.parse import quote, quote_plus

HIDDEN = "***"


class Redaction:
    """Replaces values, also in the form that they have in a URL."""

    def __init__(self, confidential: Iterable[str]) -> None:
        forms = {form for value in confidential for form in (value, quote(value, ""), quote_plus(value))}
        self._forms = sorted(forms, key=len, reverse=True)  # one can be a part of another

    def __call__(self, text: str) -> str:
        """Return a text without them."""
        for form in self._forms:
            text = text.replace(form, HIDDEN)
        return text


class RedactedStream(io.TextIOBase):
    """A text stream that writes to another one, line by line: a value in pieces is still found."""

    def __init__(self, stream: TextIO, redact: Redaction) -> None:
        self._stream = stream
        self._redact = redact
        self._begun = ""

    def write(self, text: str) -> int:
        """Write what makes whole lines; keep the rest."""
        whole, newline, self._begun = (self._begun + text).rpartition("\n")
        if newline:
            self._stream.write(self._redact(whole) + newline)
            self._stream.flush()
        return len(text)

    def close(self) -> None:
        """Write what is left; the other stream stays open."""
        if self._begun:
            self.write("\n")
        super().close()
