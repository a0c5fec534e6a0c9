"""Which HTTP proxy leads to the API server, as kubectl finds it.

A `proxy-url` in the kubeconfig always counts. Else HTTPS_PROXY (for a plain http server HTTP_PROXY) does, but
for hosts in NO_PROXY and for this machine itself: the rules of Go's golang.org/x/net/http/httpproxy.
"""

import base64
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from .errors import CredentialsError

_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that tunnels (CONNECT). `authorization` is its Proxy-Authorization, which reprs leave out."""

    url: str
    authorization: str | None = None

    def __repr__(self) -> str:
        """Leave the password out: reprs end up in logs."""
        return f"Proxy({self.url})"

    @property
    def headers(self) -> dict[str, str]:
        """What goes to the proxy alone."""
        return {"Proxy-Authorization": self.authorization} if self.authorization else {}


def proxy_for(server: str, proxy_url: str | None, environment: Mapping[str, str]) -> Proxy | None:
    """Return the proxy to a server (a URL), None where there is none on the way.

    Raises:
        CredentialsError: it is one that we can't go through.
    """
    if proxy_url:
        return _parse(proxy_url, "proxy-url")
    target = urlsplit(server)
    name = f"{target.scheme.upper()}_PROXY"
    value = _read(environment, name)
    if not value or _is_direct(target, _read(environment, "NO_PROXY")):
        return None
    return _parse(value, name)


def _read(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name) or environment.get(name.lower()) or ""


def _parse(text: str, source: str) -> Proxy:
    parts = urlsplit(text if "://" in text else f"http://{text}")
    if parts.scheme != "http" or not parts.hostname:
        kind = f"{parts.scheme}://" if parts.hostname else "a URL without a host"
        raise CredentialsError(
            f"{source}: {kind} is not taken: write an HTTP proxy, such as http://proxy:3128"
        )
    authorization = None
    if parts.username is not None:
        both = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = f"Basic {base64.b64encode(both.encode()).decode()}"
    return Proxy(urlunsplit(("http", parts.netloc.rpartition("@")[2], "", "", "")), authorization)


def _is_direct(target: SplitResult, no_proxy: str) -> bool:
    """Whether a server is reached without a proxy: it is this machine, or NO_PROXY has it."""
    host = (target.hostname or "").rstrip(".")
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    port = target.port or _PORTS.get(target.scheme, 0)
    return any(_covers(entry.strip().lower(), host, address, port) for entry in no_proxy.split(","))


def _covers(
    entry: str, host: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None, port: int
) -> bool:
    if not entry:
        return False
    if entry == "*":
        return True
    if "/" in entry:
        try:
            return address is not None and address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    name, wanted = _split_port(entry)
    if wanted and wanted != str(port):
        return False
    named = _address(name)
    if named is not None or address is not None:
        return named == address
    name = name.removeprefix("*")
    return host.endswith(name) if name.startswith(".") else host == name or host.endswith(f".{name}")


def _split_port(entry: str) -> tuple[str, str]:
    """Split a port off, "" where there is none; an IPv6 address is in brackets where it has one."""
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        return name, rest.removeprefix(":")
    if entry.count(":") == 1:
        name, _, port = entry.partition(":")
        return name, port
    return entry, ""


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
