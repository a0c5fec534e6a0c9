"""TSIG keys as text: what is taken, what is refused, and that no message and no repr tells the secret."""

import base64
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.model import InvalidKey, KeyRing, TsigKey, parse_key
from rollcall.model.tsig import ALGORITHMS

RAW = bytes(range(200, 232))
SECRET = base64.b64encode(RAW).decode()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("name", ["rollcall", "a.b_c.example", "key-1", "x" * 63])
def test_keys(algorithm: str, name: str) -> None:
    assert parse_key(f"{algorithm}:{name}:{SECRET}") == TsigKey(name, algorithm, RAW)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("last_dot", ["", "."])
@pytest.mark.parametrize("write", [str.lower, str.upper, str.title])
@given(blanks=st.lists(st.sampled_from(["", "", " ", "\n", "\r\n", "\t"]), min_size=7, max_size=7))
def test_case_last_dots_and_white_space_mean_nothing(
    algorithm: str, last_dot: str, write: Callable[[str], str], blanks: list[str]
) -> None:
    secret = SECRET[:20] + blanks[6] + SECRET[20:]
    for name in ("rollcall.example", "rollcall.example."):
        parts = [write(algorithm + last_dot), ":", write(name), ":", secret]
        text = "".join(blank + part for blank, part in zip(blanks, parts, strict=False)) + blanks[5]
        assert parse_key(text) == TsigKey("rollcall.example", algorithm, RAW)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a key is written as"),
        (SECRET, "a key is written as"),
        (f"rollcall:{SECRET}", "a key is written as"),
        (f"hmac-sha256:rollcall:{SECRET}:x", "a key is written as"),
        (f"hmac-md5:rollcall:{SECRET}", "the algorithm hmac-md5 is not one of hmac-sha256"),
        (f"hmac-md5.sig-alg.reg.int:rollcall:{SECRET}", "the algorithm hmac-md5.sig-alg.reg.int is not"),
        (f"HMAC-MD5.SIG-ALG.REG.INT.:rollcall:{SECRET}", "the algorithm hmac-md5.sig-alg.reg.int is not"),
        (f"hmac-sha256..:rollcall:{SECRET}", "what comes first is not one of"),
        (f"hmac-sha256:rollcall..:{SECRET}", "not a domain name"),
        (f"hmac-sha1.:rollcall:{SECRET}", "the algorithm hmac-sha1 is not one of"),
        (f"hmac-sha1:rollcall:{SECRET}", "the algorithm hmac-sha1 is not one of"),
        (f"hmac-sha224:rollcall:{SECRET}", "the algorithm hmac-sha224 is not one of"),
        (f"{SECRET}:rollcall:hmac-sha256", "what comes first is not one of"),
        (f"hmac-sha256::{SECRET}", "not a domain name"),
        (f"hmac-sha256:a..b:{SECRET}", "not a domain name"),
        (f"hmac-sha256:-a:{SECRET}", "not a domain name"),
        (f"hmac-sha256:roll call:{SECRET}", "not a domain name"),
        (f"hmac- sha256:rollcall:{SECRET}", "what comes first is not one of"),
        (f"hmac-sha256:{'x' * 64}:{SECRET}", "not a domain name"),
        (f"hmac-sha256:{'x.' * 127}:{SECRET}", "not a domain name"),
        (f"hmac-sha256:{SECRET}:rollcall", "not a domain name|octets"),
        (f"hmac-sha256:{'QUJD' * 10}:rollcall", "the secret has 6 octets"),
        ("hmac-sha256:rollcall:%%%%", "not base64"),
        (f"hmac-sha256:rollcall:{SECRET[:-1]}", "not base64"),
        (f"hmac-sha256:rollcall:{SECRET}\u00e9", "not base64"),
        ("hmac-sha256:rollcall:", "the secret has 0 octets"),
        ("hmac-sha256:rollcall:c2hvcnQ=", "the secret has 5 octets; at least 16"),
    ],
)
def test_what_is_no_key_is_refused_without_the_secret(text: str, message: str) -> None:
    with pytest.raises(InvalidKey, match=message) as refused:
        parse_key(text)
    said = str(refused.value).lower()
    assert SECRET[:12].lower() not in said
    assert "c2hvcnq" not in said
    assert "qujdqujd" not in said
    assert refused.value.__cause__ is None


def test_reprs_do_not_tell() -> None:
    key = parse_key(f"hmac-sha256:rollcall:{SECRET}")
    for shown in (repr(key), repr(KeyRing(key, key)), str(KeyRing(key)), f"{[key]!r}"):
        assert "rollcall" in shown
        assert SECRET not in shown
        assert repr(RAW)[2:-1] not in shown


def test_the_ring_gives_the_current_key_first() -> None:
    new, old = (parse_key(f"hmac-sha256:{name}:{SECRET}") for name in ("new", "old"))
    assert KeyRing(new).keys == (new,)
    assert KeyRing(new, old).keys == (new, old)


@given(
    text=st.one_of(
        st.text(), st.text(alphabet=":.abc=-_ \nhmac-sha256:"), st.from_regex(r"hmac-sha256:.*:.*")
    )
)
def test_any_text_is_a_key_or_refused(text: str) -> None:
    try:
        key = parse_key(text)
    except InvalidKey:
        return
    assert parse_key(f"{key.algorithm}:{key.name}:{base64.b64encode(key.secret).decode()}") == key
