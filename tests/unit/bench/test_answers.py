"""The questions of the run with cookies, held against dnspython."""

import dns.edns
import dns.message
from bench.answers import with_cookie
from bench.questions import question


def test_a_cookie_is_the_one_option_of_a_question() -> None:
    query = dns.message.from_wire(with_cookie(question("s.example.test"), b"12345678"))

    [option] = query.options
    assert isinstance(option, dns.edns.CookieOption)
    assert (option.client, option.server) == (b"12345678", b"")
    assert query.payload == 1232
