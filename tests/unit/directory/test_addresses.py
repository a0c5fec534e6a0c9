"""Which addresses can be answered, and what is said of the others."""

import pytest

from rollcall.directory.addresses import read_address


@pytest.mark.parametrize(
    "text",
    [
        "10.0.0.1",
        "192.0.2.1",
        "100.64.0.1",
        "169.253.0.1",
        "126.1.2.3",
        "240.0.0.1",
        "fd00::1",
        "2001:db8::1",
    ],
)
def test_an_address_that_others_can_reach(text: str) -> None:
    assert str(read_address(text)) == text
    assert not isinstance(read_address(text), str)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("127.0.0.1", "127.0.0.1 is a loopback address"),
        ("127.255.255.254", "a loopback address"),
        ("::1", "a loopback address"),
        ("::ffff:127.0.0.1", "a loopback address"),
        ("169.254.169.254", "169.254.169.254 is link-local"),
        ("::ffff:169.254.169.254", "link-local"),
        ("fe80::1", "link-local"),
        ("febf::1", "link-local"),
        ("fe80::1%eth0", "fe80::1%eth0 is of one link of one host"),
        ("2001:db8::1%eth0", "of one link of one host"),
        ("0.0.0.0", "the unspecified address"),
        ("::", "the unspecified address"),
        ("::ffff:0.0.0.0", "the unspecified address"),
        ("224.0.0.1", "a multicast address"),
        ("239.255.255.255", "a multicast address"),
        ("ff02::1", "a multicast address"),
        ("::ffff:224.0.0.1", "a multicast address"),
        ("255.255.255.255", "the broadcast address"),
        ("10.0.0.256", "10.0.0.256 is not an IP address"),
        ("010.0.0.1", "not an IP address"),
        ("", "not an IP address"),
        ("1" * 1000, "1" * 64 + "… is not an IP address"),
    ],
)
def test_what_is_wrong_with_one_that_is_never_answered(text: str, said: str) -> None:
    wrong = read_address(text)
    assert isinstance(wrong, str)
    assert wrong.endswith(said)
