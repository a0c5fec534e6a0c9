"""octodns-powerdns against the HTTP API of a real PowerDNS, from the configuration that the page shows."""

import socket

from nameservers import DEDICATED, REVERSE
from rollcall.publish.octodns import worker
from unit.publish.octodns.publishing import Publishing
from unit.publish.octodns.zones import Domain, web

OTHERS = {
    "@ NS ns1.example.net.",
    "@ MX 10 mail.k8s.example.com.",
    "mail A 198.51.100.11",
    "printer A 198.51.100.12",
}
MARKER = '_rollcall.web.shop TXT "heritage=rollcall,owner=prod,service=shop/web"'


def service(*hosts: int) -> set[str]:
    """Return what `web` is at the server with instances at 10.0.0.<host>."""
    return {MARKER} | {
        record
        for host in hosts
        for record in (
            f"web.shop A 10.0.0.{host}",
            f"10-0-0-{host}.web.shop A 10.0.0.{host}",
            f"_http._tcp.web.shop SRV 0 100 80 10-0-0-{host}.web.shop.{DEDICATED.name}.",
        )
    }


def instances(*hosts: int) -> list[str]:
    return web(*(f"10.0.0.{host}" for host in hosts))


async def test_a_service_is_created_changed_and_deleted_and_nothing_else(powerdns) -> None:
    domain = Domain()
    domain.hold(*instances(1, 2))
    async with Publishing(domain, powerdns.secret()).running() as publishing:
        report = await publishing.until_current()
        assert report.message == "RRsets created: 5, changed: 0, deleted: 0."
        assert powerdns.holds() == OTHERS | service(1, 2)

        publishing.hold(*instances(2, 3))
        assert (await publishing.until_current()).message == "RRsets created: 1, changed: 2, deleted: 1."
        assert powerdns.holds() == OTHERS | service(2, 3)

        publishing.hold()
        assert (await publishing.until_current()).message == "RRsets created: 0, changed: 0, deleted: 5."
        assert powerdns.holds() == OTHERS


async def test_both_families_and_the_ttl(powerdns) -> None:
    domain = Domain()
    domain.hold(*web("10.0.0.1", "fd00::1"))
    async with Publishing(domain, powerdns.secret()).running() as publishing:
        await publishing.until_current()
    assert "web.shop AAAA fd00::1" in powerdns.holds()
    assert {ttl for owner, ttl, *_ in powerdns.records() if "web.shop" in owner} == {5}


async def test_pointers_have_a_marker_each_and_go_with_it(powerdns) -> None:
    domain = Domain(REVERSE)
    pointers = [f"{host}.0 PTR 10-0-0-{host}.web.shop.k8s.example.com." for host in (1, 2)]
    domain.hold(*pointers)
    async with Publishing(domain, powerdns.secret(delete_pcent_threshold=1)).running() as publishing:
        await publishing.until_current()
        marker = '_rollcall.{}.0 TXT "heritage=rollcall,owner=prod"'
        assert powerdns.holds(REVERSE) == {
            "@ NS ns1.example.net.",
            *pointers,
            marker.format(1),
            marker.format(2),
        }
        publishing.hold(pointers[1])
        await publishing.until_current()
        assert powerdns.holds(REVERSE) == {"@ NS ns1.example.net.", pointers[1], marker.format(2)}


async def test_a_name_of_others_is_not_taken_over(powerdns) -> None:
    domain = Domain()
    domain.hold(*instances(1), *web("10.0.0.9", name="printer"))
    async with Publishing(domain, powerdns.secret()).running() as publishing:
        report = await publishing.until_failed()
    assert (report.reason, report.healthy) == ("NamesTaken", False)
    assert "printer.k8s.example.com." in report.message
    assert powerdns.holds() == OTHERS | service(1)


async def test_services_of_another_installation_stay(powerdns) -> None:
    theirs, ours = Domain(), Domain()
    theirs.hold(*web("10.9.0.1", name="db.shop", owner="other"))
    ours.hold(*instances(1))
    async with Publishing(theirs, powerdns.secret(), identity="other").running() as publishing:
        await publishing.until_current()
    before = powerdns.holds()
    async with Publishing(ours, powerdns.secret()).running() as publishing:
        await publishing.until_current()
        assert powerdns.holds() == before | service(1)
        publishing.hold()
        await publishing.until_current()
    assert powerdns.holds() == before


async def test_what_others_change_at_a_marked_name_is_put_right(powerdns) -> None:
    domain = Domain()
    domain.hold(*instances(1))
    async with Publishing(domain, powerdns.secret()).running() as publishing:
        await publishing.until_current()
        powerdns.server.pdnsutil("replace-rrset", DEDICATED.name, "web.shop", "A", "5", "192.0.2.66")
        powerdns.server.pdnsutil("add-record", DEDICATED.name, "old.web.shop", "A", "5", "192.0.2.67")
        powerdns.server.restart()
        domain.hold(*instances(1), *web("10.0.0.9", name="db.shop"))
        publishing.worker.on_version(domain.hold(*instances(1)))
        await publishing.until_current()
    assert powerdns.holds() == OTHERS | service(1)


async def test_an_unsafe_plan_is_refused_until_the_threshold_is_raised(powerdns) -> None:
    domain = Domain()
    domain.hold(*instances(*range(1, 21)))
    async with Publishing(domain, powerdns.secret()).running() as publishing:
        await publishing.until_current()
        serial = domain.published.serial
        publishing.hold(*instances(1))
        report = await publishing.until_failed()
        assert (report.reason, report.serial, report.healthy) == ("UnsafePlan", serial, False)
        assert "Too many deletes" in report.message
        assert "delete_pcent_threshold" in report.message
        assert powerdns.holds() == OTHERS | service(*range(1, 21))

        publishing.give(powerdns.secret(delete_pcent_threshold=1))
        await publishing.until_current()
        assert powerdns.holds() == OTHERS | service(1)


async def test_a_wrong_key_is_said_and_a_new_secret_helps_at_once(powerdns, caplog) -> None:
    domain = Domain()
    domain.hold(*instances(1))
    wrong = "a wrong key that must not be shown"
    async with Publishing(domain, powerdns.secret(wrong)).running() as publishing:
        report = await publishing.until_failed()
        assert (report.reason, report.healthy, report.serial) == ("AccessDenied", False, 0)
        assert "Secret settings" in report.message
        assert powerdns.holds() == OTHERS
        publishing.give(powerdns.secret())
        await publishing.until_current()
    assert powerdns.holds() == OTHERS | service(1)
    assert wrong not in caplog.text


async def test_a_server_that_is_down_is_waited_for(powerdns) -> None:
    domain = Domain()
    domain.hold(*instances(1))
    powerdns.server.stop()
    async with Publishing(domain, powerdns.secret()).running() as publishing:
        assert (await publishing.until_failed()).reason == "ProviderFailed"
        powerdns.server.start()
        await publishing.until_current()
    assert powerdns.holds() == OTHERS | service(1)


async def test_a_zone_that_is_not_there_is_not_made(powerdns) -> None:
    domain = Domain("new.example.com")
    domain.hold(*instances(1))
    async with Publishing(domain, powerdns.secret()).running() as publishing:
        report = await publishing.until_failed()
        assert (report.reason, report.healthy) == ("ZoneNotFound", False)
        assert "new.example.com" not in powerdns.server.pdnsutil("list-all-zones")
        powerdns.server.pdnsutil("create-zone", "new.example.com", "ns1.example.net")
        await publishing.until_current()
    listed = powerdns.server.pdnsutil("list-zone", "new.example.com")
    assert "web.shop.new.example.com" in listed


async def test_a_provider_that_never_answers_is_given_up(powerdns, monkeypatch) -> None:
    monkeypatch.setattr(worker, "LIMIT_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        secret = powerdns.secret(timeout=60, port=deaf.getsockname()[1])
        async with Publishing(Domain(), secret).running() as publishing:
            report = await publishing.until_failed()
            assert report.reason == "TimedOut"
            monkeypatch.undo()
            publishing.give(powerdns.secret())
            await publishing.until_current()
