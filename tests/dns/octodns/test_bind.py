"""octodns-bind's Rfc2136Provider against a real BIND and Knot, with the settings that the page shows."""

import pytest

from nameservers import DEDICATED, KEY, REVERSE, REVERSE_ZONE, Bind, Knot, records, serving, snippet
from unit.publish.octodns.publishing import Publishing
from unit.publish.octodns.zones import Domain, web

NS = f"{DEDICATED.name}. NS ns1.example.net."
FOREIGN = "printer 300 A 198.51.100.12"


@pytest.fixture(params=[Bind, Knot])
def server(request, tmp_path):
    with serving(request.param.primary(tmp_path / "ns", DEDICATED.holding(FOREIGN), REVERSE_ZONE)) as [
        running
    ]:
        yield running


def secret(server, key: str = KEY) -> dict[str, bytes]:
    place = {"192.0.2.10": server.address, "53": str(server.port)}
    settings = snippet("octodns-bind-provider", place)
    return {"provider.yaml": settings.encode(), "key": key.split(":")[2].encode()}


def addresses(server) -> set[str]:
    return {
        data for owner, _, kind, data in records(server, DEDICATED.name) if kind == "A" and "web." in owner
    }


async def test_a_service_comes_changes_and_goes(server) -> None:
    domain = Domain()
    before = records(server, DEDICATED.name)
    domain.hold(*web("10.0.0.1", "10.0.0.2"))
    async with Publishing(domain, secret(server)).running() as publishing:
        await publishing.until_current()
        assert addresses(server) == {"10.0.0.1", "10.0.0.2"}
        publishing.hold(*web("10.0.0.2", "10.0.0.3"))
        await publishing.until_current()
        assert addresses(server) == {"10.0.0.2", "10.0.0.3"}
        publishing.hold()
        await publishing.until_current()
    assert records(server, DEDICATED.name) == before


async def test_pointers(server) -> None:
    domain = Domain(REVERSE)
    domain.hold("1.0 PTR 10-0-0-1.web.shop.k8s.example.com.")
    async with Publishing(domain, secret(server)).running() as publishing:
        await publishing.until_current()
    there = {(owner, kind) for owner, _, kind, _ in records(server, REVERSE)}
    assert {(f"1.0.{REVERSE}.", "PTR"), (f"_rollcall.1.0.{REVERSE}.", "TXT")} < there


async def test_a_wrong_key_is_denied(server) -> None:
    other = "hmac-sha256:rollcall:YW5vdGhlciBrZXkgb2YgdGhlIHNhbWUgbmFtZSwgd3Jvbmc="
    async with Publishing(Domain(), secret(server, other)).running() as publishing:
        report = await publishing.until_failed()
    assert report.reason == "AccessDenied"
