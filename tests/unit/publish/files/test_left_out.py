"""What can't be in a file is reported with what to do, and costs nothing else its place."""

from collections.abc import Sequence

import msgspec
import pytest

from rollcall.model import InstancePort, Key, Members, ServicePort
from rollcall.publish.files import FORMATS, LeftOut, render
from unit.publish.files.builders import HTTP, METRICS, WEB, file, instance, many, members

PORT_FORMATS = ["prometheus", "envoy-eds", "nginx", "haproxy", "env"]
NAME_FORMATS = ["hosts", "zonefile", "dnsmasq"]


def brief(left_out: Sequence[LeftOut]) -> list[tuple[str, str]]:
    return [(left.service.name, left.reason) for left in left_out]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", ["Web", "web_1", "a.b", "", "x" * 64, "-a", 'a";evil'])
def test_a_name_that_consumers_would_trip_over(form: str, name: str) -> None:
    rendering = render(file(form), [members(name, instance(9)), WEB], 1)

    assert brief(rendering.left_out) == [(name, "InvalidName")]
    assert rendering.services == 1


@pytest.mark.parametrize("form", PORT_FORMATS)
def test_a_service_without_the_port(form: str) -> None:
    api = members("api", instance(1, ports={"metrics": 9090}), ports=(METRICS,))
    rendering = render(file(form, port="metrics"), [api, WEB], 1)

    assert brief(rendering.left_out) == [("web", "NoSuchPort")]
    assert "write one of http in spec.port" in rendering.left_out[0].message
    assert rendering.services == 1


@pytest.mark.parametrize("form", PORT_FORMATS)
def test_the_first_port_is_the_default(form: str) -> None:
    web = members("web", instance(1, ports={"metrics": 9090, "http": 8080}), ports=(METRICS, HTTP))

    text = render(file(form), [web], 1).text
    assert "9090" in text
    assert "8080" not in text


@pytest.mark.parametrize("form", PORT_FORMATS)
def test_an_instance_whose_port_does_not_resolve(form: str) -> None:
    web = members("web", instance(1), instance(2, ports={"other": 1}))
    rendering = render(file(form), [web], 1)

    assert brief(rendering.left_out) == [("web", "PortUnresolved")]
    assert "1 of 2 eligible instances" in rendering.left_out[0].message
    assert rendering.instances == 1


@pytest.mark.parametrize("form", PORT_FORMATS)
def test_a_service_none_of_whose_instances_has_the_port_is_not_an_empty_one(form: str) -> None:
    rendering = render(file(form), [members("web", instance(1, ports={"other": 1}))], 1)

    assert brief(rendering.left_out) == [("web", "PortUnresolved")]
    assert rendering.services == 0


@pytest.mark.parametrize(
    ("form", "takes_it"),
    [
        ("prometheus", False),
        ("haproxy", False),
        ("nginx", True),
        ("envoy-eds", True),
        ("env", True),
    ],
)
def test_a_port_whose_protocol_the_consumer_does_not_speak(form: str, takes_it: bool) -> None:
    dns = msgspec.structs.replace(instance(1), ports=(InstancePort("dns", "UDP", 53),))
    rendering = render(file(form), [members("dns", dns, ports=(ServicePort(53, "dns", "UDP"),))], 1)

    assert brief(rendering.left_out) == ([] if takes_it else [("dns", "NoSuchPort")])


@pytest.mark.parametrize("form", [f for f in PORT_FORMATS if f != "env"])
def test_a_service_that_declares_no_port(form: str) -> None:
    rendering = render(file(form), [members("web", instance(1), ports=())], 1)

    assert brief(rendering.left_out) == [("web", "NoSuchPort")]


def test_variables_of_a_service_that_declares_no_port() -> None:
    rendering = render(file("env"), [members("web", instance(1), ports=())], 1)

    assert rendering.left_out == ()
    assert rendering.text.splitlines()[2:] == ["WEB_COUNT=1", "WEB_HOSTS=10.0.0.1", "WEB_0_HOST=10.0.0.1"]


def test_services_that_would_share_their_variables() -> None:
    services = [
        Members(Key("c", "a-b"), (HTTP,), (instance(1),)),
        Members(Key("b-c", "a"), (HTTP,), (instance(2),)),
        Members(Key("c", "other"), (HTTP,), (instance(3),)),
    ]
    rendering = render(file("env", namespaces=("c", "b-c")), services, 1)

    assert brief(rendering.left_out) == [("a", "NameCollision"), ("a-b", "NameCollision")]
    assert "b-c/a and c/a-b" in rendering.left_out[0].message
    assert "OTHER_C_COUNT=1" in rendering.text
    assert "A_B_C" not in rendering.text


def test_a_variable_does_not_begin_with_a_digit() -> None:
    assert "\n_1ST_COUNT=1\n" in render(file("env"), [members("1st", instance(1))], 1).text


@pytest.mark.parametrize("form", NAME_FORMATS)
def test_an_instance_without_a_valid_label(form: str) -> None:
    web = members("web", instance(1), instance(2, label="Not_a_label"))
    rendering = render(file(form), [web], 1)

    assert brief(rendering.left_out) == [("web", "InvalidName")]
    assert "1 of 2 instances" in rendering.left_out[0].message
    assert "10.0.0.2" not in rendering.text


@pytest.mark.parametrize("form", NAME_FORMATS)
def test_a_name_that_is_too_long_for_dns(form: str) -> None:
    long = members("x" * 63, instance(1, namespace="y" * 63), namespace="y" * 63)
    rendering = render(file(form, domain=".".join(["d" * 30] * 3)), [long, WEB], 1)

    assert brief(rendering.left_out) == [("x" * 63, "InvalidName")]
    assert rendering.services == 1


@pytest.mark.parametrize("form", ["zonefile", "dnsmasq"])
def test_a_port_name_that_makes_no_label(form: str) -> None:
    name = "p" * 63  # a service may have it; with its underscore it is an octet too long for DNS
    web = members("web", instance(1, ports={name: 8080}), ports=(ServicePort(80, name),))
    rendering = render(file(form), [web], 1)

    assert brief(rendering.left_out) == [("web", "InvalidName")]
    assert "SRV" in rendering.left_out[0].message
    assert rendering.services == 1


@pytest.mark.parametrize("form", FORMATS)
def test_a_name_that_nobody_knows(form: str) -> None:
    rendering = render(file(form, names=("web", "wbe")), [WEB], 1)

    assert brief(rendering.left_out) == [("wbe", "NoSuchService")]


def test_a_zone_file_says_what_its_cap_leaves_out() -> None:
    rendering = render(file("zonefile"), [many(65)], 1)

    assert brief(rendering.left_out) == [("web", "Capped")]
    assert rendering.text.count("\nweb.shop IN A ") == 64
    assert rendering.text.count("\n_http._tcp.web.shop IN SRV ") == 64
    assert rendering.instances == 65


def test_a_pod_that_goes_changes_one_record_of_a_capped_set_at_most() -> None:
    def addresses(service: Members) -> set[str]:
        lines = render(file("zonefile"), [service], 1).text.splitlines()
        return {line for line in lines if line.startswith("web.shop IN A ")}

    whole = many(200)
    for gone in range(0, 200, 17):
        fewer = members("web", *whole.instances[:gone], *whole.instances[gone + 1 :])
        assert len(addresses(whole) - addresses(fewer)) <= 1
