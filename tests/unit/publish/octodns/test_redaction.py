"""Nothing confidential gets through, in whatever pieces and form."""

import io

from rollcall.publish.octodns.redaction import RedactedStream, Redaction


def test_values_are_hidden_also_in_urls() -> None:
    redact = Redaction({"a b/c", "abc"})
    assert redact("x a b/c y") == "x *** y"
    assert redact("?key=a%20b%2Fc&key=a+b%2Fc") == "?key=***&key=***"


def test_a_value_that_holds_another_is_hidden_whole() -> None:
    assert Redaction({"pass", "password"})("my password") == "my ***"


def test_a_stream_finds_a_value_in_pieces() -> None:
    below = io.StringIO()
    stream = RedactedStream(below, Redaction({"hidden"}))
    for piece in ("it is hid", "den\nand", " the rest: hidd", "en"):
        stream.write(piece)
    stream.close()
    assert below.getvalue() == "it is ***\nand the rest: ***\n"
