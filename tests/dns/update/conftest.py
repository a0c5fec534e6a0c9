"""Servers with several zones of ours: a test takes one that no other test has written to."""

from collections.abc import Iterator

import pytest

from nameservers import Bind, Knot, Nameserver, PowerDNS, Zone, serving
from rollcall.publish.update import session, writer

ZONES = 8
"""How many tests of a module need a zone, at most; a module with more says so."""

PATIENCE_SECONDS = 20.0
"""How long an answer is waited for: so that a test that waits for a report may see two such waits end."""

_unused: dict[Nameserver, Iterator[str]] = {}


@pytest.fixture(scope="module", params=[Bind, Knot, PowerDNS])
def server(request, tmp_path_factory) -> Iterator[Nameserver]:
    """Start a server with zones d0.example.com, d1.example.com and so on."""
    names = [f"d{number}.example.com" for number in range(getattr(request.module, "ZONES", ZONES))]
    folder = tmp_path_factory.mktemp("server")
    with serving(request.param.primary(folder, *(Zone(name) for name in names))) as [running]:
        _unused[running] = iter(names)
        yield running
        del _unused[running]


@pytest.fixture
def domain(server: Nameserver) -> str:
    """Give the name of a zone that no test has used."""
    return next(_unused[server])


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> float:
    """Wait for each answer of a server however busy the machine is; return for how many seconds."""
    for module in (session, writer):
        monkeypatch.setattr(module, "TIMEOUT_SECONDS", PATIENCE_SECONDS)
    return PATIENCE_SECONDS
