"""Which addresses are counted together."""

import pytest

from rollcall.serve.networks import is_loopback, network_of


@pytest.mark.parametrize(
    ("one", "other", "is_shared"),
    [
        ("192.0.2.1", "192.0.2.254", True),
        ("192.0.2.1", "192.0.3.1", False),
        ("2001:db8:0:1::1", "2001:db8:0:ff::1", True),
        ("2001:db8:0:1::1", "2001:db8:0:100::1", False),
        ("192.0.2.1", "::ffff:192.0.2.9", True),
        ("fe80::1%eth0", "fe80::2%eth0", True),
    ],
)
def test_a_network_is_a_24_or_a_56(one: str, other: str, is_shared: bool) -> None:
    assert (network_of(one) == network_of(other)) is is_shared


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("128.0.0.1", False),
        ("7f00::1", False),
    ],
)
def test_loopback_is_known(host: str, expected: bool) -> None:
    assert is_loopback(network_of(host)) is expected
