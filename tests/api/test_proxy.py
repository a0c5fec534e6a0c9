"""A cluster behind an HTTP proxy: kubectl gets there, and so do the operator (kopf too) and the commands."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from api.cli.conftest import COMMAND, environment
from api.connect_proxy import ConnectProxy
from api.test_operator import ZONE, apply, condition
from controlplane import ControlPlane
from rollcall_process import Rollcall
from waiting import eventually

HOST = "api.behind.test"
"""Nobody resolves it: who gets there went through the proxy."""

PASSWORD = "me:s3cret/+"  # of the proxy in these tests


class Way(NamedTuple):
    """A kubeconfig and variables that lead through a proxy."""

    kubeconfig: Path
    variables: dict[str, str]


@pytest.fixture
def proxy(cluster: ControlPlane) -> Iterator[ConnectProxy]:
    with ConnectProxy(cluster.url, PASSWORD) as running:
        yield running


def behind(cluster: ControlPlane, folder: Path, **more: Any) -> Path:
    """Write the cluster's kubeconfig with a server's name that only the proxy can reach."""
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    config["clusters"][0]["cluster"] |= {"server": f"https://{HOST}", "tls-server-name": "127.0.0.1", **more}
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(config))
    return file


@pytest.fixture(params=["proxy-url", "HTTPS_PROXY"])
def way(request: pytest.FixtureRequest, cluster: ControlPlane, proxy: ConnectProxy, tmp_path: Path) -> Way:
    url = f"http://me:s3cret%2F+@127.0.0.1:{proxy.port}"
    if request.param == "proxy-url":
        # It counts whatever the environment says.
        return Way(behind(cluster, tmp_path, **{"proxy-url": url}), {"NO_PROXY": "*"})
    return Way(behind(cluster, tmp_path), {"HTTPS_PROXY": url, "NO_PROXY": "example.com"})


def run(cluster: ControlPlane, way: Way, *command: str) -> subprocess.CompletedProcess[str]:
    variables = environment(cluster) | way.variables | {"KUBECONFIG": str(way.kubeconfig)}
    return subprocess.run(command, capture_output=True, text=True, env=variables, check=False, timeout=60)


def test_kubectl_and_the_commands(cluster: ControlPlane, proxy: ConnectProxy, way: Way) -> None:
    assert run(cluster, way, "kubectl", "get", "namespaces").returncode == 0
    proxy.asked.clear()
    done = run(cluster, way, *COMMAND, "status", "-A")
    assert done.returncode == 0, done.stderr
    assert set(proxy.asked) == {f"{HOST}:443"}


def test_the_operator(
    cluster: ControlPlane, proxy: ConnectProxy, way: Way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in way.variables.items():
        monkeypatch.setenv(name, value)
    with Rollcall(way.kubeconfig, tmp_path) as rollcall:
        rollcall.wait_ready()
        apply(cluster, ZONE | {"metadata": {"name": "proxied"}, "spec": {"domain": "proxied.example"}})
        try:
            eventually(lambda: condition(cluster, "dz", "proxied") == "Published", "Published")
            assert rollcall.ask("proxied.example", "SOA").answer
        finally:
            cluster.kubectl("delete", "dz", "proxied")
        assert "kopf ended" not in rollcall.text, rollcall.text
        assert "s3cret" not in rollcall.text


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://me:wrong@127.0.0.1:{port}", "the proxy refuses: 407"),
        ("http://127.0.0.1:9", "can't connect to the proxy 127.0.0.1 port 9"),
        ("socks5://127.0.0.1:{port}", "proxy-url: socks5:// is not taken: write an HTTP proxy"),
    ],
)
def test_a_proxy_that_is_none_for_us(
    cluster: ControlPlane, proxy: ConnectProxy, tmp_path: Path, url: str, said: str
) -> None:
    file = behind(cluster, tmp_path, **{"proxy-url": url.format(port=proxy.port)})
    done = run(cluster, Way(file, {}), *COMMAND, "status", "-A")
    assert done.returncode == 1
    assert said in done.stderr
    assert "wrong" not in done.stderr
