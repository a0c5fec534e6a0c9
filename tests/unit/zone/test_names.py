"""Names from text, reverse names, serial arithmetic."""

from ipaddress import ip_address

import dns.name
import dns.reversename
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.model import version_to_label
from rollcall.zone import names
from rollcall.zone.reverse import reverse_name
from rollcall.zone.serial import is_newer, next_serial, plus

serials = st.integers(0, (1 << 32) - 1)


def test_names_are_built_of_labels():
    parent = names.from_text("Example.COM.")
    assert names.below(parent, "a.b", "c") == b"\x03a.b\x01c\x07example\x03com\x00"
    assert names.to_text(b"\x03a.b\x01c\x00") == "a\\.b.c"


@pytest.mark.parametrize("label", ["", "x" * 64, "ü"])
def test_a_label_that_dns_cannot_hold_is_refused(label):
    with pytest.raises(names.InvalidName):
        names.below(b"\0", label)


def test_a_name_that_is_too_long_is_refused_by_its_length():
    parent = names.below(b"\0", *["x" * 60] * 4)
    with pytest.raises(names.InvalidName, match="256 octets"):
        names.below(parent, "x" * 10)


@pytest.mark.parametrize("text", ["a..b", "x" * 64 + ".com", "a." * 130])
def test_text_that_is_no_name_is_refused(text):
    with pytest.raises(names.InvalidName):
        names.from_text(text)


@given(st.ip_addresses())
def test_reverse_names_are_those_of_dnspython(address):
    expected = dns.reversename.from_address(str(ip_address(address.packed)))
    if address.version == 6 and address.ipv4_mapped:
        return  # dnspython writes these as IPv4, RFC 3596 does not
    assert dns.name.from_wire(reverse_name(address), 0)[0] == expected


@given(serials, serials)
def test_the_next_serial_is_newer(last, now):
    assert is_newer(next_serial(last, now), last)


@pytest.mark.parametrize(
    ("last", "now", "following"),
    [
        (0, 1000, 1000),
        (1000, 1000, 1001),
        (1000, 5, 1001),
        ((1 << 32) - 1, 5, 5),
        ((1 << 32) - 1, 1 << 31, 0),
    ],
)
def test_serials_follow_the_clock_where_that_is_ahead(last, now, following):
    assert next_serial(last, now) == following


@given(serials, st.integers(1, (1 << 31) - 1))
def test_a_serial_plus_something_is_newer(serial, number):
    assert is_newer(plus(serial, number), serial)


@pytest.mark.parametrize(
    ("version", "label"),
    [("v1.4.2", "v1-4-2"), ("V1", "v1"), ("1_0", "1-0"), ("_", ""), ("a..b", "a-b"), ("x" * 63, "x" * 63)],
)
def test_versions_become_labels(version, label):
    assert version_to_label(version) == label
