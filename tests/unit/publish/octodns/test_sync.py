"""Runs with a provider in memory: what is applied in which order, and what never is."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from octodns.record import Record
from octodns.zone import Zone

from rollcall.publish.octodns import sync
from rollcall.publish.octodns.exchange import Failure, Outcome, SyncRequest
from rollcall.publish.octodns.settings import ProviderConfig
from rollcall.zone.names import from_text
from unit.publish.octodns.providers import Provider
from unit.publish.octodns.zones import IDENTITY, Domain, web

SETTINGS = ProviderConfig("a.Provider", {}, frozenset())
ORIGIN = Zone("k8s.example.com.", [])


class Refusing(Exception):
    """What a provider's client library raises."""

    def __init__(self, status: int) -> None:
        super().__init__("no")
        self.status_code = status


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Provider:
    made = Provider("provider")
    monkeypatch.setattr(sync, "build", lambda *_: made)
    return made


def run(domain: Domain, identity: str = IDENTITY) -> Outcome:
    request = SyncRequest("provider", "secret", domain.published.apex, identity, {}, domain.rrsets())
    return sync.Run(request).outcome(SETTINGS)


def record(name: str, kind: str, *values: str, ttl: int = 300) -> Any:
    data: Mapping[str, object] = {"type": kind, "ttl": ttl, "values": list(values)}
    return Record.new(ORIGIN, name, data)


def there(provider: Provider) -> set[str]:
    return {f"{each.name or '@'} {each._type}" for each in provider.existing}  # type: ignore[attr-defined]


def services(numbers: Iterable[int]) -> list[str]:
    return [line for number in numbers for line in web("10.0.0.1", name=f"s{number}.shop")]


def test_markers_come_first_and_go_last(provider: Provider) -> None:
    domain = Domain()
    domain.hold(*web("10.0.0.1"))
    assert run(domain) == Outcome(created=4)
    assert [step[0] for step in provider.applied] == [
        "Create _rollcall.web.shop TXT",
        "Create 10-0-0-1.web.shop A",
    ]
    domain.hold()
    assert run(domain) == Outcome(deleted=4)
    assert provider.applied[3] == ["Delete _rollcall.web.shop TXT"]
    assert provider.existing == []


def test_nothing_to_change_is_nothing_applied(provider: Provider) -> None:
    domain = Domain()
    domain.hold(*web("10.0.0.1"))
    run(domain)
    provider.applied.clear()
    assert run(domain) == Outcome()
    assert provider.applied == []


def test_a_run_that_ended_half_way_is_taken_up(provider: Provider, monkeypatch) -> None:
    domain = Domain()
    domain.hold(*web("10.0.0.1"))
    apply = provider._apply

    def broken(plan: Any) -> None:
        if provider.applied:
            raise ConnectionError("gone")
        apply(plan)

    monkeypatch.setattr(provider, "_apply", broken)
    outcome = run(domain)
    assert (outcome.failure, outcome.created) == (Failure.PROVIDER, 1)
    monkeypatch.undo()
    monkeypatch.setattr(sync, "build", lambda *_: provider)
    domain.hold(*web("10.0.0.2"))
    assert run(domain) == Outcome(created=3)


def test_names_without_our_marker_are_kept_and_the_apex_is_not_looked_at(provider: Provider) -> None:
    others = [
        record("", "NS", "ns1.example.net."),
        record("", "A", "192.0.2.1"),
        record("shop", "TXT", "of others"),
        record("api.shop", "A", "192.0.2.2"),
        record("_rollcall.db.shop", "TXT", "heritage=rollcall,owner=other,service=shop/db"),
        record("db.shop", "A", "192.0.2.3"),
    ]
    provider.existing = list(others)
    domain = Domain()
    domain.hold(*web("10.0.0.1"))
    assert run(domain) == Outcome(created=4)
    domain.hold()
    provider.delete_pcent_threshold = 1
    assert run(domain) == Outcome(deleted=4)
    assert there(provider) == {f"{each.name or '@'} {each._type}" for each in others}


@pytest.mark.parametrize("name", ["web.shop", "x.web.shop", "_rollcall.web.shop"])
def test_a_name_with_records_of_others_is_taken_as_a_whole(provider: Provider, name: str) -> None:
    provider.existing = [record(name, "TXT", "of others")]
    domain = Domain()
    domain.hold(*web("10.0.0.1"), *web("10.0.0.2", name="db.shop"))
    assert run(domain) == Outcome(
        created=4,
        taken="web.shop.k8s.example.com.",
        taken_names=(from_text("web.shop.k8s.example.com"),),
    )
    assert f"{name} TXT" in there(provider)
    assert "web.shop A" not in there(provider)


def test_a_record_that_is_as_wanted_takes_nothing(provider: Provider) -> None:
    provider.existing = [record("web.shop", "A", "10.0.0.1", ttl=5)]
    domain = Domain()
    domain.hold(*web("10.0.0.1"))
    assert run(domain) == Outcome(created=3)


@pytest.mark.parametrize(("kept", "failure"), [(range(8), None), (range(6), Failure.UNSAFE)])
def test_too_many_deletes_in_our_part_are_refused(
    provider: Provider, kept: range, failure: Failure | None
) -> None:
    provider.existing = [record(f"o{number}", "A", "192.0.2.1") for number in range(1000)]
    domain = Domain()
    domain.hold(*services(range(10)))
    assert run(domain) == Outcome(created=40)
    before = there(provider)
    domain.hold(*services(kept))
    outcome = run(domain)
    assert outcome.failure is failure
    assert (there(provider) == before) is (failure is not None)


def test_too_many_updates_are_refused(provider: Provider) -> None:
    domain = Domain()
    domain.hold(*(line for number in range(10) for line in web("10.0.0.1", name=f"s{number}.shop")))
    run(domain)
    domain.hold(
        *(line for number in range(10) for line in web("10.0.0.1", "10.0.0.2", name=f"s{number}.shop"))
    )
    outcome = run(domain)
    assert outcome.failure is Failure.UNSAFE
    assert "Too many updates" in outcome.message
    provider.update_pcent_threshold = 1
    assert run(domain).updated == 20


def test_types_that_a_provider_does_not_hold_are_left_out(provider: Provider, monkeypatch) -> None:
    monkeypatch.setattr(provider, "SUPPORTS", {"A", "TXT"}, raising=False)
    domain = Domain()
    domain.hold(*web("10.0.0.1", "fd00::1"))
    outcome = run(domain)
    assert outcome.created == 3
    assert set(outcome.left_out.split(", ")) == {
        "web.shop (AAAA)",
        "_http._tcp.web.shop (SRV)",
        "fd00--1.web.shop (AAAA)",
    }


def test_a_provider_without_txt_cannot_be_used(provider: Provider, monkeypatch) -> None:
    monkeypatch.setattr(provider, "SUPPORTS", {"A"}, raising=False)
    domain = Domain()
    domain.hold(*web("10.0.0.1"))
    outcome = run(domain)
    assert outcome.failure is Failure.SETTINGS
    assert provider.applied == []


def test_one_pointer_where_a_provider_holds_one(provider: Provider, monkeypatch) -> None:
    monkeypatch.setattr(provider, "SUPPORTS_MULTIVALUE_PTR", False, raising=False)
    domain = Domain("0.10.in-addr.arpa")
    domain.hold("1.0 PTR a.example.com.", "1.0 PTR b.example.com.")
    assert run(domain) == Outcome(created=2)


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (Refusing(401), Failure.ACCESS),
        (Refusing(403), Failure.ACCESS),
        (Refusing(500), Failure.PROVIDER),
        (RuntimeError("Unable to perform update: REFUSED"), Failure.ACCESS),
        (ConnectionError("Connection refused"), Failure.PROVIDER),
        (RuntimeError("Unable to locate credentials"), Failure.ACCESS),
        (KeyError("x"), Failure.PROVIDER),
    ],
)
def test_what_a_failure_means(provider: Provider, monkeypatch, error: Exception, failure: Failure) -> None:
    def broken(*_: object, **__: object) -> bool:
        raise error

    monkeypatch.setattr(provider, "populate", broken)
    outcome = run(Domain())
    assert outcome.failure is failure
    assert str(error) in outcome.message
