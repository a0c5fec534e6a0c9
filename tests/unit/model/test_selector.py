"""Label selectors as text, as kubectl takes them."""

import pytest

from rollcall.model import parse_selector

LABELS = {"team": "shop", "env": "test", "example.com/tier": "", "a.b_c": "x-1"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "team=shop",
        "team==shop",
        "team = shop , env!=prod",
        "env in (prod,test)",
        "env  in( test )",
        "env notin (prod), team",
        "other notin (x)",
        "other!=x",
        "!other",
        "! other",
        "example.com/tier=",
        "example.com/tier,a.b_c=x-1",
        "example.com/tier in ()",
    ],
)
def test_it_matches(text: str) -> None:
    assert parse_selector(text).matches(LABELS)


@pytest.mark.parametrize(
    "text",
    [
        "team=pay",
        "team!=shop",
        "env in (prod,live)",
        "env notin (test)",
        "other",
        "!team",
        "team=shop,env=prod",
    ],
)
def test_it_does_not_match(text: str) -> None:
    assert not parse_selector(text).matches(LABELS)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("team=shop,", "''"),
        ("=shop", "''"),
        ("te am=shop", "'te am'"),
        ("team=sh op", "'sh op'"),
        ("team in shop", "'team in shop'"),
        ("team in (shop", "'team in (shop'"),
        ("team in (a b)", "'a b'"),
        ("team>5", "'team>5'"),
        ("UPPER.example/x", "'UPPER.example/x'"),
        ("team=" + "x" * 64, "x" * 64),
        ("a==b==c", "'b==c'"),
    ],
)
def test_what_is_none_is_refused_with_the_part_that_is_wrong(text: str, named: str) -> None:
    with pytest.raises(ValueError, match="write team=shop") as raised:
        parse_selector(text)
    assert named in str(raised.value)
