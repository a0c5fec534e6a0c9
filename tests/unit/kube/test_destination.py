"""Where credentials lead, found without the `kubernetes` package, and just as that finds it."""

import base64
import hashlib
import os
import re
from pathlib import Path
from typing import Any

import certifi
import pytest
import yaml

from rollcall.kube import CredentialsError
from rollcall.kube import destination as destination_module
from rollcall.kube.credentials import Credentials
from rollcall.kube.destination import destination

ONE, TWO = re.findall(
    r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n", Path(certifi.where()).read_text(), re.DOTALL
)[:2]


def kubeconfig(path: Path, current: str | None, **servers: dict[str, Any]) -> Path:
    """Write one with a context for each cluster, by its name."""
    body = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster} for name, cluster in servers.items()],
        "users": [{"name": "me", "user": {"token": "secret"}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": "me"}} for name in servers],
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(body | ({"current-context": current} if current else {})))
    return path


async def agreed(path: str | None, context: str | None = None) -> tuple[str, set[str], str | None]:
    """Return the server, the authorities and the context: both ways have to find the same."""
    (server, authorities), pinned = _found(path, context)
    access = await Credentials(path, context).access()
    trusted = access.tls.get_ca_certs(binary_form=True) if access.tls else []
    assert (server, authorities) == (access.server, {hashlib.sha256(each).hexdigest() for each in trusted})
    again = await Credentials(path, pinned).access()
    assert again.server == access.server
    return server, authorities, pinned


def _found(path: str | None, context: str | None) -> tuple[tuple[str, set[str]], str | None]:
    cluster, pinned = destination(path, context)
    return (cluster.server, set(cluster.authorities)), pinned


async def test_a_context_and_the_current_one(tmp_path: Path) -> None:
    path = kubeconfig(
        tmp_path / "config",
        "a",
        a={
            "server": "https://a.example/",
            "certificate-authority-data": base64.b64encode(ONE.encode()).decode(),
        },
        b={"server": "https://b.example/clusters/b", "certificate-authority": "ca.crt"},
    )
    (tmp_path / "ca.crt").write_text(f"# a comment\n{ONE}{TWO}")
    server, authorities, context = await agreed(str(path))
    assert (server, len(authorities), context) == ("https://a.example", 1, "a")
    server, authorities, context = await agreed(str(path), "b")
    assert (server, len(authorities), context) == ("https://b.example/clusters/b", 2, "b")


async def test_a_server_without_tls(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config", "a", a={"server": "http://127.0.0.1:8001"})
    assert await agreed(str(path)) == ("http://127.0.0.1:8001", set(), "a")


async def test_several_kubeconfigs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative paths are those of the file in which they are; of one name the first counts."""
    first = kubeconfig(
        tmp_path / "one" / "config", "a", a={"server": "https://1", "certificate-authority": "ca"}
    )
    second = kubeconfig(
        tmp_path / "two" / "config",
        "b",
        a={"server": "https://3"},
        b={"server": "https://2", "certificate-authority": "ca"},
    )
    (first.parent / "ca").write_text(ONE)
    (second.parent / "ca").write_text(TWO)
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, (first, tmp_path / "missing", second))))
    assert (await agreed(None))[::2] == ("https://2", "b")
    assert (await agreed(None, "a"))[::2] == ("https://1", "a")


async def test_the_account_of_a_pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kubernetes.config import incluster_config

    token, ca = tmp_path / "token", tmp_path / "ca.crt"
    token.write_text("secret")
    ca.write_text(ONE + TWO)
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(ca))
    monkeypatch.setattr(destination_module, "_ACCOUNT_CA", ca)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    for host, server in (("10.96.0.1", "https://10.96.0.1:443"), ("fd00::1", "https://[fd00::1]:443")):
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
        found, authorities, context = await agreed(None)
        assert (found, len(authorities), context) == (server, 2, None)


@pytest.mark.parametrize(
    "content",
    [
        "apiVersion: v1\nkind: Config\n",
        "current-context: gone\n",
        "current-context: a\ncontexts: [{name: a, context: {cluster: gone}}]\n",
        "[",
        "just text",
        "clusters: 5\n",
        "current-context: a\ncontexts: [{name: a, context: {cluster: a}}]\n"
        "clusters: [{name: a, cluster: {server: 'https://a', certificate-authority: gone.crt}}]\n",
        "current-context: a\ncontexts: [{name: a, context: {cluster: a}}]\n"
        "clusters: [{name: a, cluster: {server: 'https://a', certificate-authority-data: bm9uZQ==}}]\n",
    ],
    ids=["empty", "no context", "no cluster", "no YAML", "text", "no list", "no file", "no certificate"],
)
def test_what_can_not_be_used_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config"
    path.write_text(content)
    with pytest.raises(CredentialsError, match=str(path)):
        destination(str(path), None)
