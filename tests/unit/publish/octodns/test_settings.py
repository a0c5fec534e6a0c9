"""What is read of a Secret, and what is refused with which words."""

import pytest

from rollcall.publish.octodns.settings import MAX_BYTES, InvalidSettings, read


def test_entries_stand_in_for_references_at_any_depth() -> None:
    text = b"class: a.b.C\nhost: h\nport: 8081\nauth: {token: secret/token}\nlist: [secret/token, 1]\n"
    settings = read({"provider.yaml": text, "token": b"hidden\n"}, "dns")
    assert settings.class_path == "a.b.C"
    assert settings.arguments == {
        "host": "h",
        "port": 8081,
        "auth": {"token": "hidden"},
        "list": ["hidden", 1],
    }
    assert settings.confidential == {"hidden"}


def test_what_is_confidential_by_its_name_is_kept_secret_where_it_stands() -> None:
    text = b"class: a.C\napi_key: abcdef\nkey_name: rollcall\nclient_secret: ghijkl\npassword: xyz\n"
    assert read({"provider.yaml": text}, "dns").confidential == {"abcdef", "ghijkl"}


def test_each_line_of_an_entry_is_confidential() -> None:
    secret = {"provider.yaml": b"class: a.C", "pem": b"-----BEGIN-----\nAAAA\n-----END-----\n"}
    assert "AAAA" in read(secret, "dns").confidential


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ({}, "no entry provider.yaml"),
        ({"provider.yaml": b"class: [a"}, "not YAML, line 1"),
        ({"provider.yaml": b"\xff"}, "not YAML"),
        ({"provider.yaml": b"class: " + b"[" * 20_000}, "deep"),
        ({"provider.yaml": b"- class"}, "has to be a map"),
        ({"provider.yaml": b"1: 2"}, "has to be a map"),
        ({"provider.yaml": b"host: h"}, "has no class"),
        ({"provider.yaml": b"class: a b"}, "has no class"),
        ({"provider.yaml": b"class: C"}, "has no class"),
        ({"provider.yaml": b"class: a.C\nkey: secret/gone"}, "entry gone"),
        ({"provider.yaml": b"class: a.C\nkey: secret/k", "k": b"\xff"}, "not text"),
        ({"provider.yaml": b"class: a.C\nkey: env/KEY"}, "refers to the environment"),
        ({"provider.yaml": b"class: a.C\na: &x [1]\nb: [*x, *x]"}, "holds an alias"),
        ({"provider.yaml": b"class: a.C\n#" + b"x" * MAX_BYTES}, "are allowed"),
        ({"provider.yaml": b"class: a.C\nx: !!python/name:os.system"}, "not YAML"),
    ],
)
def test_settings_that_cannot_be_used(entries: dict[str, bytes], says: str) -> None:
    with pytest.raises(InvalidSettings, match=says):
        read(entries, "dns")


def test_an_error_does_not_show_the_line() -> None:
    with pytest.raises(InvalidSettings) as caught:
        read({"provider.yaml": b"class: a.C\napi_key: [hidden"}, "dns")
    assert "hidden" not in str(caught.value)
