"""Other servers through the whole path: pods in a real API server in, records at real servers out."""

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.targets.stage import EVERYONE, Stage, staged
from api.test_operator import condition, status
from controlplane import ControlPlane
from key_material import WRONG_SECRET
from nameservers import (
    DEDICATED,
    DOMAIN,
    KEY,
    REVERSE,
    REVERSE_ZONE,
    SHARED,
    Bind,
    CoreDNS,
    Knot,
    Nameserver,
    Nsd,
    PowerDNS,
    data,
    records,
    serial,
    serving,
)
from rollcall_process import ELECTION, Rollcall
from waiting import eventually


@pytest.fixture
def stage(cluster: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Stage]:
    with staged(cluster, namespace, tmp_path) as made:
        yield made


def wait_data(
    server: Nameserver, name: str, expected: set[str], rollcall: Rollcall, rdtype: str = "A"
) -> None:
    """Wait until a server answers with these records."""
    kind = type(server).__name__
    eventually(lambda: data(server, name, rdtype) == expected, f"{expected} at {kind}; {rollcall.text}")


def test_updates_of_three_servers_at_once(stage: Stage, tmp_path: Path):
    bind = Bind.primary(tmp_path / "b", DEDICATED)
    knot = Knot.primary(tmp_path / "k", SHARED, REVERSE_ZONE)
    powerdns = PowerDNS.primary(tmp_path / "p", SHARED)
    with serving(bind, knot, powerdns) as servers:
        foreign = {server: records(server, "example.com", KEY) for server in (knot, powerdns)}
        stage.zone(
            reverseDomains=[REVERSE],
            updates=[
                stage.update("bind", bind, domains=[DOMAIN]),
                stage.update("knot", knot),
                stage.update("powerdns", powerdns, domains=[DOMAIN]),
            ],
        )
        with stage.rollcall() as rollcall:
            for server in servers:
                wait_data(server, stage.name, EVERYONE, rollcall)
            stage.wait_current("bind", "knot", "powerdns")
            eventually(lambda: condition(stage.plane, "dz", "targets") == "Published", "Ready")
            stage.set_ready(0, False)
            for server in servers:
                wait_data(server, stage.name, EVERYONE - {"10.0.7.1"}, rollcall)
            wait_data(knot, f"1.7.{REVERSE}", set(), rollcall, "PTR")
            wait_data(knot, f"2.7.{REVERSE}", {f"10-0-7-2.{stage.name}."}, rollcall, "PTR")
            stage.wait_current("bind", "knot", "powerdns")
        for server, before in foreign.items():
            assert before <= records(server, "example.com", KEY), "a foreign record has changed"
        zones = [(bind, DOMAIN), (knot, "example.com"), (knot, REVERSE), (powerdns, "example.com")]
        serials = [serial(server, name) for server, name in zones]
        with stage.rollcall() as rollcall:
            # The status is that of the process before, until this one has found out how things are.
            eventually(lambda: reached(rollcall) == len(zones), "what each server has")
            assert rollcall.metric("rollcall_update_messages_total") == 0, "nothing has changed"
        assert serials == [serial(server, name) for server, name in zones]


def reached(rollcall: Rollcall) -> int:
    """Count the domains at targets that have a version, as this very process has found."""
    lines = rollcall.get("/metrics")[1].splitlines()
    serials = [line.split()[-1] for line in lines if line.startswith("rollcall_target_serial{")]
    return sum(float(each) > 0 for each in serials)


def test_transfers_to_five_secondaries_at_once(stage: Stage, tmp_path: Path):
    kinds: list[type[Nameserver]] = [Bind, Knot, Nsd, PowerDNS, CoreDNS]
    stage.zone()  # the port is known once Rollcall listens on it
    with stage.rollcall("--transfer-listen=127.0.0.1:0") as rollcall:
        primary = ("127.0.0.1", rollcall.ports["transfers"])
        made = [kind.secondary(tmp_path / kind.program, primary, DOMAIN) for kind in kinds]  # type: ignore[attr-defined]
        with serving(*made) as servers:
            secondaries = [
                {"name": server.program.replace("_", "-"), "address": "127.0.0.1", "port": server.port}
                | ({} if isinstance(server, CoreDNS) else {"keySecret": "example-key"})
                for server in servers
            ]
            stage.zone(transfer={"secondaries": secondaries, "allowUnsigned": ["127.0.0.0/8"]})
            for server in servers:
                wait_data(server, stage.name, EVERYONE, rollcall)
            stage.set_ready(1, False)
            for server in servers:
                wait_data(server, stage.name, EVERYONE - {"10.0.7.2"}, rollcall)
            stage.wait_current(*(each["name"] for each in secondaries))
            eventually(lambda: rollcall.metric("rollcall_transfers_total") > 0, "transfers are counted")
            serials = [serial(server, DOMAIN) for server in servers]
            assert rollcall.stop() == 0
            wait_data(servers[0], stage.name, EVERYONE - {"10.0.7.2"}, rollcall)
        assert len(set(serials)) == 1


def test_a_secondary_of_two_replicas_goes_on_with_the_one_that_leads(stage: Stage, tmp_path: Path):
    """Only the leader notifies and lets transfer; the next one goes on from the serial of the last."""
    listen = (*ELECTION, "--transfer-listen=127.0.0.1:0")
    stage.zone()
    with stage.rollcall(*listen, state="a") as first:
        eventually(functools.partial(_leads, first), "the first one leads")
        with stage.rollcall(*listen, state="b") as second:
            primary, other = (("127.0.0.1", each.ports["transfers"]) for each in (first, second))
            with serving(Knot.secondary(tmp_path / "knot", primary, DOMAIN, others=[other])) as [knot]:
                where = {"name": "knot", "address": "127.0.0.1", "port": knot.port}
                stage.zone(transfer={"secondaries": [where | {"keySecret": "example-key"}]})
                wait_data(knot, stage.name, EVERYONE, first)
                stage.wait_current("knot")
                before = serial(knot, DOMAIN)
                assert first.stop() == 0
                eventually(functools.partial(_leads, second), "the other one leads")
                stage.set_ready(0, False)
                wait_data(knot, stage.name, EVERYONE - {"10.0.7.1"}, second)
                after = serial(knot, DOMAIN)
                assert before is not None
                assert after is not None
                assert 0 < (after - before) % 2**32 < 2**31, "serials rise over the change (RFC 1982)"
                stage.wait_current("knot")


def test_a_secondary_without_a_transfer_server(stage: Stage):
    stage.zone(
        transfer={"secondaries": [{"name": "ns1", "address": "127.0.0.1", "keySecret": "example-key"}]}
    )
    with stage.rollcall():
        stage.wait_reason("ns1", "TransferOff")
        eventually(lambda: condition(stage.plane, "dz", "targets") == "TransferOff", "Ready says so")


def says(stage: Stage, name: str = "web") -> tuple[str, str]:
    """Return what the columns TARGETS and REASON of `kubectl get si` are made of."""
    told = status(stage.plane, "si", name, stage.namespace)
    return told.get("targets", ""), told.get("reason", "")


def test_a_service_tells_of_every_place_that_it_goes_to(stage: Stage, tmp_path: Path):
    """A name that others have at a server concerns its service, a server that is dead all of them."""
    stage.plane.workloads.make_service(stage.namespace, "api", selector={"app": "web"})
    taken = DEDICATED.holding(f"api.{stage.namespace} 300 A 198.51.100.9\n")
    bind, knot = Bind.primary(tmp_path / "b", taken), Knot.primary(tmp_path / "k", DEDICATED)
    with serving(bind, knot):
        stage.zone(updates=[stage.update("bind", bind), stage.update("knot", knot)])
        with stage.rollcall() as rollcall:
            wait_data(knot, stage.name, EVERYONE, rollcall)
            eventually(lambda: says(stage) == ("3/3", "Published"), "web is everywhere", seconds=60)
            eventually(lambda: says(stage, "api") == ("2/3", "NamesTaken"), "a name is taken", seconds=60)
            first = status(stage.plane, "si", "api", stage.namespace)["publications"][0]
            assert (first["target"], first["reason"]) == ("bind", "NamesTaken")
            assert condition(stage.plane, "si", "api", stage.namespace) == "NamesTaken"
            knot.stop()
            stage.set_ready(0, False)
            wait_data(bind, stage.name, EVERYONE - {"10.0.7.1"}, rollcall)
            eventually(lambda: says(stage) == ("2/3", "Unreachable"), "knot is dead", seconds=60)
            knot.restart()
            wait_data(knot, stage.name, EVERYONE - {"10.0.7.1"}, rollcall)
            eventually(lambda: says(stage) == ("3/3", "Published"), "and back", seconds=60)
            eventually(lambda: says(stage, "api") == ("2/3", "NamesTaken"), "api is where it was", seconds=60)


def test_a_key_that_comes_late_and_changes(stage: Stage, tmp_path: Path):
    with serving(Bind.primary(tmp_path / "b", DEDICATED)) as [bind]:
        stage.zone(updates=[stage.update("bind", bind, keySecret="late")])
        with stage.rollcall() as rollcall:
            stage.wait_reason("bind", "SecretNotFound")
            where = ["-n", stage.namespace]
            wrong = f"key=hmac-sha256:rollcall:{WRONG_SECRET}"
            stage.plane.kubectl("create", "secret", "generic", "late", *where, f"--from-literal={wrong}")
            stage.wait_reason("bind", "BadSignature", "BadKey")
            stage.plane.kubectl("delete", "secret", "late", *where)
            stage.plane.kubectl("create", "secret", "generic", "late", *where, f"--from-literal=key={KEY}")
            wait_data(bind, stage.name, EVERYONE, rollcall)
            stage.wait_current("bind")


def leaders(*rollcalls: Rollcall) -> list[float]:
    return [each.metric("rollcall_leader") for each in rollcalls]


def test_of_two_replicas_one_writes_and_the_other_takes_over(stage: Stage, tmp_path: Path):
    with serving(Bind.primary(tmp_path / "b", DEDICATED)) as [bind]:
        stage.zone(updates=[stage.update("bind", bind)])
        with stage.rollcall(*ELECTION, state="a") as first:
            wait_data(bind, stage.name, EVERYONE, first)
            with stage.rollcall(*ELECTION, state="b") as second:
                assert leaders(first, second) == [1, 0]
                assert first.stop() == 0
                eventually(functools.partial(_leads, second), "the other one leads")
                stage.set_ready(0, False)
                wait_data(bind, stage.name, EVERYONE - {"10.0.7.1"}, second)
                second.wait_answers(stage.name, EVERYONE - {"10.0.7.1"})


def test_a_leader_that_stood_still_undoes_nothing(stage: Stage, tmp_path: Path):
    """It wakes up with a view that is a minute old, and with another leader in its place."""
    with serving(Bind.primary(tmp_path / "b", DEDICATED)) as [bind]:
        stage.zone(updates=[stage.update("bind", bind)])
        with stage.rollcall(*ELECTION, state="a") as first:
            wait_data(bind, stage.name, EVERYONE, first)
            with stage.rollcall(*ELECTION, state="b") as second:
                first.pause()
                stage.set_ready(2, False)
                eventually(functools.partial(_leads, second), "the other one leads")
                wait_data(bind, stage.name, EVERYONE - {"10.0.7.3"}, second)
                before = serial(bind, DOMAIN)
                first.resume()
                eventually(lambda: leaders(first, second) == [0, 1], "the first one knows")
                stage.set_ready(2, True)
                wait_data(bind, stage.name, EVERYONE, second)
                assert before is not None
                assert data(bind, f"_rollcall.{stage.name}", "TXT")


def _leads(rollcall: Rollcall) -> bool:
    return rollcall.metric("rollcall_leader") == 1


def test_octodns(stage: Stage, tmp_path: Path):
    """Through octoDNS's own YAML provider: the file is what a DNS service would have."""
    folder = tmp_path / "yaml"
    folder.mkdir()
    file = folder / f"{DOMAIN}.yaml"
    file.write_text("---\nwww:\n  type: A\n  value: 198.51.100.1\n")
    settings = f"class: octodns.provider.yaml.YamlProvider\ndirectory: {folder}\nsupports_root_ns: false\n"
    where = ["-n", stage.namespace]
    literal = f"--from-literal=provider.yaml={settings}"
    stage.plane.kubectl("create", "secret", "generic", "yaml", *where, literal)
    stage.zone(octodns=[{"name": "yaml", "configSecret": "yaml"}])
    with stage.rollcall() as rollcall:
        stage.wait_current("yaml")
        assert all(address in file.read_text() for address in (*EVERYONE, "198.51.100.1"))
        stage.set_ready(0, False)
        main = f"web.{stage.namespace}:"
        eventually(lambda: "10.0.7.1" not in _entry(file.read_text(), main), f"a flip; {rollcall.text}")


def _entry(text: str, name: str) -> str:
    """Return the lines below a key at the left margin of a YAML file, "" where it isn't whole."""
    _, found, rest = text.partition(f"\n{name}")
    lines = rest.splitlines()[1:]
    ends = [number for number, line in enumerate(lines) if line and not line.startswith(" ")]
    return "\n".join(lines[: ends[0]] if ends else lines) if found else "10.0.7.1"
