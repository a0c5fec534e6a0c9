"""Which proxy leads to a server; the cases of NO_PROXY are those of Go's httpproxy, which kubectl has."""

import base64

import pytest

from rollcall.kube import CredentialsError
from rollcall.kube.proxy import Proxy, proxy_for

PROXY = Proxy("http://proxy:3128")
SERVER = "https://api.shop.example.com:6443"


@pytest.mark.parametrize(
    ("server", "variables", "found"),
    [
        (SERVER, {}, None),
        (SERVER, {"HTTPS_PROXY": "http://proxy:3128"}, PROXY),
        (SERVER, {"https_proxy": "proxy:3128"}, PROXY),
        (SERVER, {"HTTPS_PROXY": "http://proxy:3128/", "https_proxy": "http://other"}, PROXY),
        (SERVER, {"HTTP_PROXY": "http://proxy:3128"}, None),
        ("http://api.example.com", {"HTTP_PROXY": "http://proxy:3128"}, PROXY),
        ("http://api.example.com", {"HTTPS_PROXY": "http://proxy:3128"}, None),
        ("https://localhost:6443", {"HTTPS_PROXY": "http://proxy:3128"}, None),
        ("https://127.0.0.2:6443", {"HTTPS_PROXY": "http://proxy:3128"}, None),
        ("https://[::1]:6443", {"HTTPS_PROXY": "http://proxy:3128"}, None),
    ],
)
def test_the_environment(server: str, variables: dict[str, str], found: Proxy | None) -> None:
    assert proxy_for(server, None, variables) == found


@pytest.mark.parametrize(
    ("server", "no_proxy", "is_direct"),
    [
        (SERVER, "*", True),
        (SERVER, "", False),
        (SERVER, " , ,", False),
        (SERVER, "example.com", True),
        (SERVER, "a.test, EXAMPLE.com", True),
        (SERVER, ".example.com", True),
        (SERVER, "*.example.com", True),
        (SERVER, "api.shop.example.com", True),
        (SERVER, "ample.com", False),
        (SERVER, "shop", False),
        (SERVER, "example.com:6443", True),
        (SERVER, "example.com:443", False),
        ("https://example.com", "example.com:443", True),
        ("https://example.com", ".example.com", False),
        ("https://10.1.2.3:6443", "10.0.0.0/8", True),
        ("https://10.1.2.3:6443", "10.1.2.3", True),
        ("https://10.1.2.3:6443", "10.1.2.3:6443", True),
        ("https://10.1.2.3:6443", "10.1.2.3:443", False),
        ("https://10.1.2.3:6443", "11.0.0.0/8,2.3", False),
        ("https://[fd00::7]:6443", "fd00::/16", True),
        ("https://[fd00::7]:6443", "fd00:0::7", True),
        ("https://[fd00::7]:6443", "[fd00::7]:6443", True),
        ("https://[fd00::7]:6443", "10.0.0.0/8,10.0.0.0/99", False),
    ],
)
def test_no_proxy(server: str, no_proxy: str, is_direct: bool) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        found = proxy_for(server, None, {"HTTPS_PROXY": "http://proxy:3128", name: no_proxy})
        assert (found is None) == is_direct


@pytest.mark.parametrize("server", [SERVER, "https://127.0.0.1:6443"])
def test_that_of_the_kubeconfig_always_counts(server: str) -> None:
    assert proxy_for(server, "http://proxy:3128", {"HTTPS_PROXY": "http://other", "NO_PROXY": "*"}) == PROXY


def test_a_password_goes_to_the_proxy_and_nowhere_else() -> None:
    found = proxy_for(SERVER, "http://me:p%40ss@proxy:3128", {})
    assert found is not None
    assert found.url == PROXY.url
    assert found.headers == {"Proxy-Authorization": f"Basic {base64.b64encode(b'me:p@ss').decode()}"}
    assert "p@ss" not in repr(found)
    assert found.headers["Proxy-Authorization"] not in repr(found)


@pytest.mark.parametrize("url", ["socks5://me:secret@proxy:1080", "https://proxy:3128", "http://:3128"])
def test_what_is_no_http_proxy_is_said(url: str) -> None:
    with pytest.raises(CredentialsError, match=r"proxy-url: .* is not taken: write an HTTP proxy") as said:
        proxy_for(SERVER, url, {})
    assert "secret" not in str(said.value)
