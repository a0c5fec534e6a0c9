"""A PowerDNS with its HTTP API, as the page shows it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane.ports import free_port
from nameservers import DEDICATED, REVERSE_ZONE, PowerDNS, Records, records, serving, snippet
from rollcall.publish.octodns import worker

API_KEY = "a key of the tests"


class Api:
    """A server, and the Secret for it."""

    def __init__(self, server: PowerDNS, port: int) -> None:
        self.server = server
        self.port = port

    def secret(self, key: str = API_KEY, **settings: object) -> dict[str, bytes]:
        """Return what the page has in its Secret, for this server, with other settings."""
        place = {"pdns.example.net": "127.0.0.1", "8081": str(self.port)}
        lines = snippet("octodns-powerdns-provider", place).splitlines()
        kept = [line for line in lines if line.partition(":")[0] not in settings]
        text = "\n".join([*kept, *(f"{name}: {value}" for name, value in settings.items())])
        return {"provider.yaml": text.encode(), "api-key": key.encode()}

    def records(self, zone: str = DEDICATED.name) -> Records:
        return records(self.server, zone)

    def holds(self, zone: str = DEDICATED.name) -> set[str]:
        """Return what is in a zone but for its SOA, owners relative to it."""
        return {
            f"{'@' if owner == f'{zone}.' else owner.removesuffix(f'.{zone}.')} {kind} {data}"
            for owner, _, kind, data in self.records(zone)
        }


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a worker that doesn't rest."""
    monkeypatch.setattr(worker, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(worker, "FIRST_RETRY_SECONDS", 0.1)


@pytest.fixture
def powerdns(tmp_path: Path) -> Iterator[Api]:
    foreign = "mail 300 A 198.51.100.11\n@ 300 MX 10 mail\nprinter 300 A 198.51.100.12"
    server = PowerDNS.primary(tmp_path / "pdns", DEDICATED.holding(foreign), REVERSE_ZONE)
    port = free_port()
    server.config += snippet("octodns-powerdns-conf", {"change-me": API_KEY, "8081": str(port)})
    with serving(server) as [running]:
        yield Api(running, port)
