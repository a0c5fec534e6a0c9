"""Whatever the members, each format renders, parses back to what went in, and is the same in any order."""

import ipaddress
import json
import re
import shlex
from collections import Counter
from ipaddress import IPv4Address, IPv6Address
from random import Random

import dns.rdatatype
import dns.zone
import pytest
from dns.rdtypes.IN.SRV import SRV
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcall.model import Instance, InstancePort, Key, Members, ServicePort
from rollcall.publish.files import FORMATS, render
from thorough import examples
from unit.publish.files.builders import file

LABELS = st.sampled_from(["a", "b", "a-b", "b-a", "web", "web-0", "x--y", "1st", "z" * 63])
V4 = [IPv4Address(text) for text in ("10.0.0.1", "10.0.0.10", "10.0.0.2", "192.0.2.1")]
V6 = [IPv6Address(text) for text in ("fd00::1", "fd00::10", "2001:db8::ffff:1", "::ffff:10.0.0.1")]
PORTS = (ServicePort(80, "http"), ServicePort(9090, "metrics"))
HOST = ipaddress.ip_address

MODEST = settings(max_examples=examples(60))


@st.composite
def instances(draw: st.DrawFn, namespace: str, number: int) -> Instance:
    v4 = draw(st.sets(st.sampled_from(V4), max_size=2))
    v6 = draw(st.sets(st.sampled_from(V6), min_size=0 if v4 else 1, max_size=2))
    ports = draw(st.sets(st.sampled_from(["http", "metrics"])))
    return Instance(
        pod=Key(namespace, f"pod-{number}"),
        uid=f"uid-{number}",
        label=draw(st.sampled_from(["a", "b", "web-0", "same", "same", "Not valid", ""])),
        ipv4=tuple(v4),
        ipv6=tuple(v6),
        ports=tuple(InstancePort(name, "TCP", draw(st.integers(1, 65535))) for name in sorted(ports)),
        node=draw(st.sampled_from(["", "node-1"])),
        zone=draw(st.sampled_from(["", "a", "b"])),
        version=draw(st.sampled_from(["", "1.2", "v_3"])),
        weight=draw(st.sampled_from([0, 1, 100, 1000, 65535])),
        own_weight=100,
        live=True,
        ready=True,
        available=True,
        eligible=True,
    )


@st.composite
def services(draw: st.DrawFn) -> list[Members]:
    keys = draw(st.lists(st.builds(Key, LABELS, LABELS), unique=True, max_size=4))
    return [
        Members(key, PORTS, tuple(draw(instances(key.namespace, n)) for n in range(draw(st.integers(0, 4)))))
        for key in keys
    ]


@MODEST
@given(found=services(), order=st.randoms(use_true_random=False))
def test_the_same_bytes_in_any_order(found: list[Members], order: Random) -> None:
    shuffled = [Members(m.key, m.ports, tuple(order.sample(m.instances, len(m.instances)))) for m in found]
    order.shuffle(shuffled)

    for form in FORMATS:
        asked = file(form, namespaces=("a",))
        assert render(asked, found, 1) == render(asked, shuffled, 1)


@MODEST
@given(services())
def test_json_holds_everything(found: list[Members]) -> None:
    document = json.loads(render(file("json"), found, 1).text)

    assert {(s["namespace"], s["name"]): len(s["instances"]) for s in document["services"]} == {
        m.key: len(m.instances) for m in found
    }
    for service in document["services"]:
        (members,) = (m for m in found if m.key == (service["namespace"], service["name"]))
        by_pod = {i.pod.name: i for i in members.instances}
        for entry in service["instances"]:
            source = by_pod[entry["pod"]]
            assert set(map(HOST, entry["ipv4"] + entry["ipv6"])) == set(source.addresses)
            assert {(p["name"], p["port"]) for p in entry["ports"]} == {
                (p.name, p.number) for p in source.ports
            }
            assert (entry["node"], entry["zone"], entry["version"], entry["weight"]) == (
                source.node,
                source.zone,
                source.version,
                source.weight,
            )


@MODEST
@given(services())
def test_prometheus_has_a_group_an_instance_with_the_port(found: list[Members]) -> None:
    groups = json.loads(render(file("prometheus", port="http"), found, 1).text)

    assert Counter(
        (g["labels"]["namespace"], g["labels"]["service"], g["labels"]["pod"]) for g in groups
    ) == {(*m.key, i.pod.name): 1 for m in found for i in m.instances if number_of(i) is not None}
    for group in groups:
        (target,) = group["targets"]
        check_host_port(target, found)
        assert all(isinstance(value, str) and value for value in group["labels"].values())


@MODEST
@given(services())
def test_envoy_has_a_cluster_a_service(found: list[Members]) -> None:
    rendering = render(file("envoy-eds", port="http", namespaces=("a",)), found, 1)
    clusters = json.loads(rendering.text)["resources"]

    assert [c["cluster_name"] for c in clusters] == [
        f"{m.key.name}.{m.key.namespace}" for m in with_port(found)
    ]
    for cluster, members in zip(clusters, with_port(found), strict=True):
        endpoints = [e for locality in cluster["endpoints"] for e in locality["lb_endpoints"]]
        assert len(endpoints) == len([i for i in members.instances if number_of(i) is not None])
        assert all(e["load_balancing_weight"] >= 1 for e in endpoints)
        assert not endpoints or any(e["health_status"] == "HEALTHY" for e in endpoints)
        zones = [locality.get("locality", {}).get("zone") for locality in cluster["endpoints"]]
        assert len(set(zones)) == len(zones)


@pytest.mark.parametrize("form", ["nginx", "haproxy"])
@MODEST
@given(services())
def test_proxies_have_a_section_a_service(form: str, found: list[Members]) -> None:
    text = render(file(form, port="http", namespaces=("a",)), found, 1).text
    sections = re.split(r"^(?:upstream|backend) ", text, flags=re.MULTILINE)[1:]

    assert len(sections) == len(with_port(found))
    for section, members in zip(sections, with_port(found), strict=True):
        assert section.split()[0] == f"{members.key.name}.{members.key.namespace}"
        servers = re.findall(r"^    server (.*?);?$", section, flags=re.MULTILINE)
        expected = len([i for i in members.instances if number_of(i) is not None])
        assert len(servers) == (expected or (1 if form == "nginx" else 0))
        for server in servers if expected else []:
            check_host_port(server.split()[1 if form == "haproxy" else 0], found)
        if form == "haproxy":
            assert len({server.split()[0] for server in servers}) == len(servers)
            assert all(0 <= int(server.split()[3]) <= 256 for server in servers)


@MODEST
@given(services())
def test_env_is_read_by_a_shell(found: list[Members]) -> None:
    rendering = render(file("env", port="http", namespaces=("a",)), found, 1)
    lines = [line for line in rendering.text.splitlines() if not line.startswith("#")]
    variables = dict(line.split("=", 1) for line in lines)

    assert len(variables) == len(lines), "a variable stands twice"
    for name, value in variables.items():
        assert re.fullmatch("[A-Z_][A-Z0-9_]*", name)
        assert shlex.split(f"{value}x") == [f"{value}x"], "a value that needs quotes"
        if name.endswith("_COUNT"):
            prefix = name.removesuffix("_COUNT")
            hosts = list(filter(None, variables[f"{prefix}_HOSTS"].split(",")))
            assert len(hosts) == int(value)
            for number, host in enumerate(hosts):
                check_host_port(host, found)
                assert variables[f"{prefix}_{number}_HOST"] in host


@MODEST
@given(services())
def test_the_zone_file_loads(found: list[Members]) -> None:
    text = render(file("zonefile"), found, 4_000_000_000).text
    zone = dns.zone.from_text(text, origin="example.org.", relativize=False)

    assert zone.get_soa().serial == 4_000_000_000
    for members in found:
        name = f"{members.key.name}.{members.key.namespace}.example.org."
        assert zone.get_rdataset(f"_rollcall.{name}", "TXT") is not None or not valid(members)
        named = [i for i in members.instances if re.fullmatch("[a-z0-9]([a-z0-9-]*[a-z0-9])?", i.label)]
        answered = [i for i in named if i.weight] or named
        for kind, addresses in (
            ("A", {str(a) for i in answered for a in i.ipv4}),
            ("AAAA", {str(a) for i in answered for a in i.ipv6}),
        ):
            rdataset = zone.get_rdataset(name, kind)
            assert {HOST(r.address) for r in rdataset or ()} == set(map(HOST, addresses))
        for i in named:
            own = f"{i.label}.{name}"
            texts = {r.address for kind in ("A", "AAAA") for r in zone.get_rdataset(own, kind) or ()}
            assert set(map(str, i.addresses)) <= {str(HOST(t)) for t in texts}
    for owner, _, rdata in zone.iterate_rdatas(dns.rdatatype.SRV):
        assert isinstance(rdata, SRV)
        assert zone.get_node(rdata.target) is not None, f"{owner} points nowhere"


@MODEST
@given(services())
def test_hosts_lines_hold_an_address_and_names(found: list[Members]) -> None:
    rendering = render(file("hosts"), found, 1)
    lines = [line for line in rendering.text.splitlines() if not line.startswith("#")]

    assert len(set(lines)) == len(lines)
    by_name: dict[str, set[object]] = {}
    for line in lines:
        address, *names = line.split()
        for name in names:
            assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", name)
            by_name.setdefault(name, set()).add(HOST(address))
    for members in found:
        named = [i for i in members.instances if re.fullmatch("[a-z0-9]([a-z0-9-]*[a-z0-9])?", i.label)]
        answered = [i for i in named if i.weight] or named
        name = f"{members.key.name}.{members.key.namespace}"
        assert by_name.get(name, set()) == {a for i in answered for a in i.addresses}


def number_of(instance: Instance) -> int | None:
    return next((port.number for port in instance.ports if port.name == "http"), None)


def with_port(found: list[Members]) -> list[Members]:
    """Return the services that formats with a port hold: those of which not every instance lacks it."""
    kept = [m for m in found if not m.instances or any(number_of(i) is not None for i in m.instances)]
    return sorted(kept, key=lambda m: m.key)


def valid(members: Members) -> bool:
    labels = [i.label for i in members.instances]
    return not labels or any(re.fullmatch("[a-z0-9]([a-z0-9-]*[a-z0-9])?", label) for label in labels)


def check_host_port(text: str, found: list[Members]) -> None:
    host, port = text.rsplit(":", 1)
    address = HOST(host.strip("[]"))
    assert host.startswith("[") == (address.version == 6)
    assert any(
        address in i.addresses and number_of(i) == int(port) for members in found for i in members.instances
    )
