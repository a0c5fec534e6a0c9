"""The look for keys in what an operator says finds them, and doesn't say them itself."""

import base64
import json
from pathlib import Path

import pytest

from controlplane.kubeconfig import write_kubeconfig
from key_material import WRONG_SECRET, check_untold, secrets
from nameservers.snippets import KEY, SECRET

TOKEN = "a-token-of-some-length"


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    path = tmp_path / "kubeconfig"
    write_kubeconfig(path, "https://127.0.0.1:1", b"ca", TOKEN)
    return path


@pytest.mark.parametrize(
    "said", [TOKEN, SECRET, KEY, WRONG_SECRET, base64.b64encode(KEY.encode()).decode()], ids=str
)
def test_each_is_found_wherever_it_stands(kubeconfig: Path, said: str) -> None:
    known = secrets(kubeconfig)
    for text in (f"all is well\nthe key ({said!r}) is wrong\n", json.dumps({"message": f"x{said}y"})):
        with pytest.raises(AssertionError, match=r"^the log holds key material: .*<secret>") as found:
            check_untold(known, text, "the log")
        assert not any(secret in str(found.value) for secret in known if secret in (TOKEN, SECRET))


def test_credentials_in_a_kubeconfig_of_json(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps({"users": [{"user": {"token": TOKEN}}]}))
    assert {TOKEN} <= secrets(path)


def test_what_is_no_secret_may_be_said(kubeconfig: Path) -> None:
    check_untold(secrets(kubeconfig), "hmac-sha256:rollcall: BADKEY at ns1\n", "the log")
