"""`rollcall lookup`: the answer of a real zone, and whom it names."""

import re

import pytest

from rollcall.kube import Unreachable
from unit.cli.canned import GROUP, CannedApi
from unit.cli.conftest import Ended, Rollcall
from unit.cli.nameserver import NameServer
from unit.cli.shop import Json

SERVER = "127.0.0.1:10053"

WEB = """\
AAAA: NOERROR, from 127.0.0.1:10053 over udp in 0.0 ms

NAME                       TTL   TYPE   DATA           INSTANCE
web.shop.k8s.example.com     5   AAAA   2001:db8::10   web-0 (v1, node-1, a)

shop/web: 3 of 5 instances are answered.
Left out:
POD     NAME        ADDRESSES   PORTS       NODE     ZONE   VERSION   WEIGHT   STATE
web-3   10-1-0-13   10.1.0.13   http:8080   node-1   a      v1           100   NotReady: containers with unready status: [app]
web-4   10-1-0-14   10.1.0.14   http:8080   node-1   a      v1           100   Deleting: The pod is being deleted.
"""  # noqa: E501  # as wide as what is printed

NOBODY = """\
A: NOERROR, no records of this type, from 127.0.0.1:10053 over udp in 0.0 ms

shop/api: 0 of 1 instance is answered.
Left out:
POD     WEIGHT   STATE
api-0        0   Pending: The pod has not started yet.
shop/api NoEligibleInstances: 0 of 1 instance is answered: 1 Pending. See status.instances.
"""


@pytest.fixture
def nameserver(monkeypatch: pytest.MonkeyPatch) -> NameServer:
    made = NameServer()
    monkeypatch.setattr("rollcall.cli.ask._udp", made.udp)
    monkeypatch.setattr("rollcall.cli.ask._tcp", made.tcp)
    return made


def shown(ended: Ended) -> str:
    return re.sub(r"in \d+\.\d ms", "in 0.0 ms", ended.stdout)


def test_a_service(api: CannedApi, nameserver: NameServer, rollcall: Rollcall) -> None:
    ended = rollcall("lookup", "web.shop.k8s.example.com", "aaaa", "--server", SERVER)
    assert (ended.code, ended.stderr) == (0, "")
    assert shown(ended) == WEB


def test_both_families_are_asked_for(api: CannedApi, nameserver: NameServer, rollcall: Rollcall) -> None:
    ended = rollcall("lookup", "web.shop.k8s.example.com", "--server", SERVER, "-o", "json")
    assert [(query["type"], len(query["answer"])) for query in ended.json["queries"]] == [
        ("A", 2),
        ("AAAA", 1),
    ]


def test_a_service_with_nobody_ready(api: CannedApi, nameserver: NameServer, rollcall: Rollcall) -> None:
    ended = rollcall("lookup", "api.shop.k8s.example.com", "A", "--server", SERVER)
    assert (ended.code, shown(ended), ended.stderr) == (0, NOBODY, "")


def test_an_answer_that_holds_fewer_says_why(
    api: CannedApi, nameserver: NameServer, rollcall: Rollcall
) -> None:
    ended = rollcall("lookup", "web.shop.k8s.example.com", "a", "--server", SERVER)
    why = "One answer holds 2 of the 3 eligible instances (answer policy Random of 2)."
    assert why in ended.stdout


def test_services_are_asked_for_by_port(api: CannedApi, nameserver: NameServer, rollcall: Rollcall) -> None:
    ended = rollcall("lookup", "_http._tcp.web.shop.k8s.example.com", "--server", SERVER, "-o", "json")
    (query,) = ended.json["queries"]
    assert query["type"] == "SRV"
    assert {(each["data"], each["pod"]) for each in query["answer"]} == {
        (f"0 100 8080 10-1-0-1{n}.web.shop.k8s.example.com", f"web-{n}") for n in range(3)
    }
    assert {each["pod"] for each in query["additional"]} == {"web-0", "web-1", "web-2"}


def test_one_version(api: CannedApi, nameserver: NameServer, rollcall: Rollcall) -> None:
    ended = rollcall("lookup", "v2.versions.web.shop.k8s.example.com", "A", "--server", SERVER)
    assert "web-2 (v2, node-1, a)" in ended.stdout
    assert "One answer holds" not in ended.stdout


def test_an_address(api: CannedApi, nameserver: NameServer, rollcall: Rollcall) -> None:
    ended = rollcall("lookup", "10.1.0.11", "--server", SERVER, "-o", "json")
    (query,) = ended.json["queries"]
    assert query["type"] == "PTR"
    assert [each["pod"] for each in query["answer"]] == ["web-1"]
    assert ended.json["service"]["name"] == "web"


def test_an_instance_that_is_left_out(api: CannedApi, nameserver: NameServer, rollcall: Rollcall) -> None:
    ended = rollcall("lookup", "10-1-0-13.web.shop.k8s.example.com", "--server", SERVER)
    assert ended.code == 3
    assert "web-3   10-1-0-13   10.1.0.13" in ended.stdout
    assert ended.stderr == "Error: 10-1-0-13.web.shop.k8s.example.com does not exist.\n"


def test_a_service_that_is_not_there(api: CannedApi, nameserver: NameServer, rollcall: Rollcall) -> None:
    ended = rollcall("lookup", "nope.shop.k8s.example.com", "A", "--server", SERVER)
    assert ended.code == 3
    assert "has no service shop/nope. There is no ServiceInstance shop/nope" in ended.stdout


def test_a_service_that_lost_its_name(api: CannedApi, nameserver: NameServer, rollcall: Rollcall) -> None:
    ended = rollcall("lookup", "web.test.k8s.example.com", "A", "--server", SERVER)
    assert ended.code == 3
    assert "test/web NameCollision: The name belongs to shop/web, which is older." in ended.stdout


def test_a_name_above_the_services(api: CannedApi, nameserver: NameServer, rollcall: Rollcall) -> None:
    ended = rollcall("lookup", "nope.k8s.example.com", "A", "--server", SERVER)
    assert ended.code == 3
    assert "The DiscoveryZone internal has no service of this name." in ended.stdout


def test_a_name_in_a_flat_zone(api: CannedApi, nameserver: NameServer, rollcall: Rollcall) -> None:
    api.objects[4]["spec"]["naming"] = api.objects[5]["spec"]["naming"] = "Flat"
    ended = rollcall("lookup", "nope.shop.k8s.example.com", "A", "--server", SERVER)
    assert "The DiscoveryZone internal has no service of this name." in ended.stdout


def test_a_name_of_no_zone(api: CannedApi, nameserver: NameServer, rollcall: Rollcall) -> None:
    ended = rollcall("lookup", "example.org", "A", "--server", SERVER)
    assert ended.code == 1
    assert "No DiscoveryZone has a domain that example.org lies in." in ended.stdout
    assert "answers REFUSED: no zone of this server holds the name" in ended.stderr


def test_a_server_that_knows_nothing_yet(
    api: CannedApi, rollcall: Rollcall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rollcall.cli.ask._udp", NameServer(unready=True).udp)
    ended = rollcall("lookup", "web.shop.k8s.example.com", "A", "--server", SERVER)
    assert ended.code == 1
    assert "answers SERVFAIL: it has not read the cluster yet, or failed" in ended.stderr


def test_a_service_that_is_gone_from_the_cluster(
    api: CannedApi, nameserver: NameServer, rollcall: Rollcall
) -> None:
    api.objects = []
    ended = rollcall("lookup", "web.shop.k8s.example.com", "A", "--server", SERVER)
    assert ended.code == 0
    assert "there is no ServiceInstance shop/web in this cluster" in ended.stdout


def test_without_a_cluster(api: CannedApi, nameserver: NameServer, rollcall: Rollcall) -> None:
    api.answers[f"{GROUP}/namespaces/shop/serviceinstances/web"] = Unreachable("GET /x: no route")
    ended = rollcall("lookup", "web.shop.k8s.example.com", "AAAA", "--server", SERVER)
    assert ended.code == 0
    assert "2001:db8::10" in ended.stdout
    assert "Instances are not named: the API server can't be reached: GET /x: no route." in ended.stdout


def test_json(api: CannedApi, nameserver: NameServer, rollcall: Rollcall) -> None:
    found = rollcall("lookup", "web.shop.k8s.example.com", "A", "--server", SERVER, "-o", "json").json
    assert found.keys() == {"name", "server", "queries", "service", "notes"}
    assert (found["name"], found["server"], found["notes"]) == ("web.shop.k8s.example.com", SERVER, [])
    (query,) = found["queries"]
    assert query.keys() == {
        "type",
        "rcode",
        "flags",
        "transport",
        "milliseconds",
        "answer",
        "authority",
        "additional",
    }
    assert (query["type"], query["rcode"], query["transport"]) == ("A", "NOERROR", "udp")
    assert query["flags"] == ["qr", "aa", "rd"]
    assert {each["pod"] for each in query["answer"]} < {"web-0", "web-1", "web-2"}
    last = query["answer"][0]["data"][-1]
    assert query["answer"][0] == {
        "name": "web.shop.k8s.example.com",
        "ttl": 5,
        "type": "A",
        "data": f"10.1.0.1{last}",
        "pod": f"web-{last}",
    }
    assert len(found["service"]["instances"]) == 5


def kube_service(name: str, **more: Json) -> Json:
    ports = [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53}]
    metadata = {"name": name, "namespace": "rollcall-system"}
    return {"metadata": metadata, "spec": {"clusterIP": "10.96.0.53", "ports": ports}, **more}


HTTP = {
    "metadata": {"name": "rollcall-http", "namespace": "rollcall-system"},
    "spec": {"clusterIP": "10.96.0.80", "ports": [{"name": "http", "port": 8080}]},
}
BALANCED = {"loadBalancer": {"ingress": [{"ip": "192.0.2.53"}]}}
DNS, PUBLIC = kube_service("rollcall-dns"), kube_service("rollcall-dns", status=BALANCED)


@pytest.mark.parametrize(
    ("services", "server"), [([HTTP, DNS], "10.96.0.53:53"), ([HTTP, PUBLIC], "192.0.2.53:53")]
)
def test_the_server_is_found_in_the_cluster(
    api: CannedApi, nameserver: NameServer, rollcall: Rollcall, services: list[Json], server: str
) -> None:
    api.answers["/api/v1/services"] = {"items": services}
    assert rollcall("lookup", "web.shop.k8s.example.com").code == 0
    assert nameserver.asked[0] == f"{server} web.shop.k8s.example.com. IN A"


@pytest.mark.parametrize(
    ("services", "message"),
    [
        ([HTTP], "there is no DNS Service of Rollcall in the cluster: say whom to ask with --server"),
        (
            [DNS, kube_service("other-dns")],
            "several DNS Services of Rollcall (rollcall-system/other-dns, rol",
        ),
    ],
)
def test_no_server_is_found_in_the_cluster(
    api: CannedApi, rollcall: Rollcall, services: list[Json], message: str
) -> None:
    api.answers["/api/v1/services"] = {"items": services}
    ended = rollcall("lookup", "web.shop.k8s.example.com")
    assert (ended.code, ended.stdout) == (1, "")
    assert message in ended.stderr


def test_the_server_is_looked_for_in_a_namespace(
    api: CannedApi, nameserver: NameServer, rollcall: Rollcall
) -> None:
    api.answers["/api/v1/namespaces/two/services"] = {"items": [DNS]}
    assert rollcall("lookup", "web.shop.k8s.example.com", "-n", "two").code == 0


def test_the_server_of_the_environment(api: CannedApi, nameserver: NameServer, rollcall: Rollcall) -> None:
    assert rollcall("lookup", "web.shop.k8s.example.com", ROLLCALL_SERVER="[::1]:5300").code == 0
    assert nameserver.asked[0].startswith("[::1]:5300 ")


def test_a_server_that_is_down(api: CannedApi, nameserver: NameServer, rollcall: Rollcall) -> None:
    nameserver.down = True
    ended = rollcall("lookup", "web.shop.k8s.example.com", "--server", SERVER)
    assert (ended.code, ended.stdout) == (1, "")
    problem = f"{SERVER}: over UDP Connection refused, over TCP Connection refused."
    assert ended.stderr == f"Error: {problem} Is a DNS server running there?\n"


def test_a_service_address_that_is_not_reachable_from_here(
    api: CannedApi, nameserver: NameServer, rollcall: Rollcall
) -> None:
    api.answers["/api/v1/services"] = {"items": [DNS]}
    nameserver.down = True
    assert "port-forward service/rollcall-dns 10053:53" in rollcall("lookup", "web.shop").stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a..b",), "'a..b' is not a domain name"),
        (("",), "'' is not a domain name"),
        (("web.shop", "NOPE"), "'NOPE' is not a record type"),
        (("web.shop", "--server", "host:port"), "'host:port' is not a server"),
        (("web.shop", "--server", ":53"), "':53' is not a server"),
        (("web.shop", "--server", "127.0.0.1:70000"), "'127.0.0.1:70000' is not a server"),
        ((), "Missing argument 'NAME'"),
    ],
)
def test_what_is_asked_wrongly(rollcall: Rollcall, arguments: tuple[str, ...], message: str) -> None:
    ended = rollcall("lookup", *arguments)
    assert (ended.code, ended.stdout) == (2, "")
    assert message in ended.stderr
