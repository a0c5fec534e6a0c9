"""What each format makes of two services, byte for byte: one without instances, one of three.

Of the three, one has both families, one is IPv4 only with a weight of 0, one is IPv6 only with a hostname.
"""

from pathlib import Path

import msgspec
import pytest

from rollcall.model import IPFamily
from rollcall.publish.files import FORMATS, CannotRender, render
from unit.publish.files.builders import EMPTY, WEB, file, instance, members

GOLDEN = Path(__file__).parent / "golden"


def test_a_format_of_another_version_renders_nothing() -> None:
    with pytest.raises(CannotRender, match=r"in spec\.format") as caught:
        render(file("unheard-of"), [WEB], 1)
    assert caught.value.problem.reason == "UnknownFormat"


@pytest.mark.parametrize("form", FORMATS)
def test_golden(form: str) -> None:
    rendering = render(file(form), [WEB, EMPTY], serial=1_700_000_000)

    assert rendering.text == (GOLDEN / f"{form}.txt").read_text()
    assert (rendering.services, rendering.instances) == (2, 2 if form == "env" else 3)
    assert rendering.left_out == ()


@pytest.mark.parametrize("form", FORMATS)
def test_golden_without_services(form: str) -> None:
    rendering = render(file(form), [], serial=1_700_000_000)

    assert rendering.text == (GOLDEN / f"{form}.empty.txt").read_text()
    assert (rendering.services, rendering.instances) == (0, 0)


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("nginx", "upstream web.shop {"),
        ("haproxy", "\nbackend web.shop\n"),
        ("envoy-eds", '"cluster_name":"web.shop"'),
        ("env", "\nWEB_SHOP_COUNT=1\n"),
    ],
)
def test_a_file_of_several_namespaces_says_which(form: str, name: str) -> None:
    rendering = render(file(form, namespaces=("shop", "pay")), [members("web", instance(1))], 1)

    assert name in rendering.text


@pytest.mark.parametrize("form", ["hosts", "dnsmasq"])
def test_names_end_in_the_domain(form: str) -> None:
    rendering = render(file(form, domain="k8s.example.org"), [WEB], 1)

    assert "10-0-0-1.web.shop.k8s.example.org" in rendering.text


@pytest.mark.parametrize("form", FORMATS)
def test_the_digest_is_that_of_the_content(form: str) -> None:
    first = render(file(form), [WEB, EMPTY], 1)
    later = render(file(form, generation=2), [WEB, EMPTY], 2)
    other = render(file(form), [EMPTY], 1)

    assert first.digest == later.digest
    assert first.digest != other.digest
    assert first.sha256 != other.sha256
    assert [r.serial for r in (first, later)] == ([1, 2] if form == "zonefile" else [None, None])


def test_a_spec_without_a_needed_domain_renders_nothing() -> None:
    zone = file("zonefile")
    bare = msgspec.structs.replace(zone, spec=msgspec.structs.replace(zone.spec, domain=""))

    with pytest.raises(CannotRender) as caught:
        render(bare, [WEB], 1)
    assert caught.value.problem.reason == "DomainMissing"


@pytest.mark.parametrize("domain", ["exa mple.org", "a..b", "x" * 64, "bad\\046.org"])
def test_a_domain_that_is_none_renders_nothing(domain: str) -> None:
    with pytest.raises(CannotRender) as caught:
        render(file("hosts", domain=domain), [WEB], 1)
    assert caught.value.problem.reason == "InvalidDomain"


V4, V6 = IPFamily.IPV4, IPFamily.IPV6


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("of_file", "of_resource", "ipv4", "ipv6"),
    [
        ((V4,), (), True, False),
        ((V6,), (), False, True),
        ((V6,), (V4, V6), False, True),
        ((V6,), (V4,), False, False),
    ],
)
def test_a_file_holds_the_families_that_it_asks_for(form, of_file, of_resource, ipv4, ipv6) -> None:
    wanted = file(form)
    wanted = msgspec.structs.replace(wanted, spec=msgspec.structs.replace(wanted.spec, ip_families=of_file))
    text = render(
        wanted, [msgspec.structs.replace(members("web", instance(1)), families=of_resource)], 1
    ).text
    assert ("10.0.0.1" in text, "fd00::1" in text) == (ipv4, ipv6)


@pytest.mark.parametrize("form", ["nginx", "haproxy", "envoy-eds", "env", "prometheus"])
@pytest.mark.parametrize("families", [(V4,), (V6,), (V4, V6), (V6, V4)])
def test_one_address_an_instance_is_of_the_first_family_of_the_service(form, families) -> None:
    both = instance(1).in_families(families)
    text = render(file(form), [members("web", both)], 1).text
    assert ("10.0.0.1" in text, "fd00::1" in text) == (families[0] is V4, families[0] is V6)
