"""Kubeconfigs and service accounts, good and bad."""

import datetime
import json
import ssl
import sys
from pathlib import Path
from typing import Any, Self

import certifi
import pytest
import yaml

from rollcall.kube import CredentialsError, credentials
from rollcall.kube.credentials import Credentials

SERVER = "http://127.0.0.1:1"


def kubeconfig(folder: Path, user: dict[str, Any], cluster: dict[str, Any] | None = None) -> str:
    def named(kind: str, name: str, body: dict[str, Any]) -> dict[str, Any]:
        return {"name": name, kind: body}

    body = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "clusters": [named("cluster", "c", {"server": SERVER} | (cluster or {}))],
        "users": [named("user", "u", user), named("user", "other", {"token": "of-the-other"})],
        "contexts": [
            named("context", "one", {"cluster": "c", "user": "u"}),
            named("context", "two", {"cluster": "c", "user": "other"}),
        ],
    }
    file = folder / "config"
    file.write_text(yaml.safe_dump(body))
    return str(file)


async def test_a_token(tmp_path: Path) -> None:
    access = await Credentials(kubeconfig(tmp_path, {"token": "secret"})).access()
    assert access.server == SERVER
    assert access.authorization == "Bearer secret"
    assert access.tls is None


async def test_a_context(tmp_path: Path) -> None:
    access = await Credentials(kubeconfig(tmp_path, {"token": "secret"}), "two").access()
    assert access.authorization == "Bearer of-the-other"


async def test_tls(tmp_path: Path) -> None:
    checked = {"server": "https://127.0.0.1:1/", "tls-server-name": "kubernetes"}
    access = await Credentials(kubeconfig(tmp_path, {"token": "secret"}, checked)).access()
    assert access.server == "https://127.0.0.1:1"
    assert access.tls_server_name == "kubernetes"
    assert access.tls is not None
    assert access.tls.verify_mode is ssl.CERT_REQUIRED
    unchecked = checked | {"insecure-skip-tls-verify": True}
    access = await Credentials(kubeconfig(tmp_path, {"token": "secret"}, unchecked)).access()
    assert access.tls is not None
    assert access.tls.verify_mode is ssl.CERT_NONE


async def test_a_login_program(tmp_path: Path) -> None:
    answer = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "from-the-program"},
    }
    program = {
        "apiVersion": answer["apiVersion"],
        "command": sys.executable,
        "args": ["-c", f"print({json.dumps(json.dumps(answer))})"],
        "interactiveMode": "Never",
    }
    access = await Credentials(kubeconfig(tmp_path, {"exec": program})).access()
    assert access.authorization == "Bearer from-the-program"


async def test_renewing_reads_everything_again_but_once(tmp_path: Path) -> None:
    found = Credentials(kubeconfig(tmp_path, {"token": "old"}))
    old = await found.access()
    kubeconfig(tmp_path, {"token": "new"})
    assert await found.access() is old
    new = await found.renew(old)
    assert new.authorization == "Bearer new"
    kubeconfig(tmp_path, {"token": "newer"})
    assert await found.renew(old) is new, "somebody else had renewed it"
    assert await found.access() is new


class InAnHour(datetime.datetime):
    """The clock, an hour from now."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Self:
        return super().now(tz) + datetime.timedelta(hours=1)


@pytest.fixture
def service_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from kubernetes.config import incluster_config

    token, ca = tmp_path / "token", tmp_path / "ca.crt"
    token.write_text("first")
    ca.write_text(Path(certifi.where()).read_text())
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(ca))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    return token


def write(file: Path, text: str) -> None:
    file.write_text(text)


async def test_a_projected_token_is_read_again(
    service_account: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "REFRESH_SECONDS", 0.0)
    found = Credentials()
    access = await found.access()
    assert access.server == "https://10.96.0.1:443"
    assert access.authorization == "bearer first"
    assert access.tls is not None
    write(service_account, "second")
    monkeypatch.setattr(datetime, "datetime", InAnHour)
    assert (await found.access()).authorization == "bearer second"


async def test_a_refused_projected_token_is_read_again(service_account: Path) -> None:
    found = Credentials()
    access = await found.access()
    write(service_account, "second")
    assert (await found.access()).authorization == "bearer first"
    assert (await found.renew(access)).authorization == "bearer second"


async def test_without_a_service_account_token(service_account: Path) -> None:
    write(service_account, "")
    with pytest.raises(CredentialsError, match="service account of this pod: Token file exists but empty"):
        await Credentials().access()


@pytest.mark.parametrize(
    "text",
    [None, "", "[]", "a: [", "a: b", "{current-context: x, contexts: [], clusters: [], users: []}", "\0"],
)
async def test_a_bad_kubeconfig_is_named(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "config"
    if text is not None:
        file.write_text(text)
    with pytest.raises(CredentialsError, match="config"):
        await Credentials(str(file)).access()


async def test_an_unknown_context_is_named(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="context three: "):
        await Credentials(kubeconfig(tmp_path, {}), "three").access()


async def test_a_missing_authority_is_named(tmp_path: Path) -> None:
    cluster = {"server": "https://127.0.0.1:1", "certificate-authority": str(tmp_path / "none.crt")}
    with pytest.raises(CredentialsError, match=r"none\.crt"):
        await Credentials(kubeconfig(tmp_path, {"token": "x"}, cluster)).access()
