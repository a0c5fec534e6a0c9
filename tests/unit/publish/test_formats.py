"""What each format makes of two services, byte for byte: one without instances, one of three.

Of the three, one has both families, one is IPv4 only with a weight of 0, one is IPv6 only with a hostname.
"""

from pathlib import Path

import msgspec
import pytest

from rollcall.model import Format
from rollcall.publish.files import FORMATS, CannotRender, render
from unit.publish.builders import EMPTY, WEB, file, instance, members

GOLDEN = Path(__file__).parent / "golden"


def test_every_format_has_a_renderer() -> None:
    assert set(FORMATS) == set(Format)


@pytest.mark.parametrize("form", Format)
def test_golden(form: Format) -> None:
    rendering = render(file(form), [WEB, EMPTY], serial=1_700_000_000)

    assert rendering.text == (GOLDEN / f"{form}.txt").read_text()
    assert (rendering.services, rendering.instances) == (2, 2 if form is Format.ENV else 3)
    assert rendering.left_out == ()


@pytest.mark.parametrize("form", Format)
def test_golden_without_services(form: Format) -> None:
    rendering = render(file(form), [], serial=1_700_000_000)

    assert rendering.text == (GOLDEN / f"{form}.empty.txt").read_text()
    assert (rendering.services, rendering.instances) == (0, 0)


@pytest.mark.parametrize(
    ("form", "name"),
    [
        (Format.NGINX, "upstream web.shop {"),
        (Format.HAPROXY, "\nbackend web.shop\n"),
        (Format.ENVOY_EDS, '"cluster_name":"web.shop"'),
        (Format.ENV, "\nWEB_SHOP_COUNT=1\n"),
    ],
)
def test_a_file_of_several_namespaces_says_which(form: Format, name: str) -> None:
    rendering = render(file(form, namespaces=("shop", "pay")), [members("web", instance(1))], 1)

    assert name in rendering.text


@pytest.mark.parametrize("form", [Format.HOSTS, Format.DNSMASQ])
def test_names_end_in_the_domain(form: Format) -> None:
    rendering = render(file(form, domain="k8s.example.org"), [WEB], 1)

    assert "10-0-0-1.web.shop.k8s.example.org" in rendering.text


@pytest.mark.parametrize("form", Format)
def test_the_digest_is_that_of_the_content(form: Format) -> None:
    first = render(file(form), [WEB, EMPTY], 1)
    later = render(file(form, generation=2), [WEB, EMPTY], 2)
    other = render(file(form), [EMPTY], 1)

    assert first.digest == later.digest
    assert first.digest != other.digest
    assert first.sha256 != other.sha256
    assert [r.serial for r in (first, later)] == ([1, 2] if form is Format.ZONEFILE else [None, None])


def test_a_spec_without_a_needed_domain_renders_nothing() -> None:
    zone = file(Format.ZONEFILE)
    bare = msgspec.structs.replace(zone, spec=msgspec.structs.replace(zone.spec, domain=""))

    with pytest.raises(CannotRender) as caught:
        render(bare, [WEB], 1)
    assert caught.value.problem.reason == "DomainMissing"


@pytest.mark.parametrize("domain", ["exa mple.org", "a..b", "x" * 64, "bad\\046.org"])
def test_a_domain_that_is_none_renders_nothing(domain: str) -> None:
    with pytest.raises(CannotRender) as caught:
        render(file(Format.HOSTS, domain=domain), [WEB], 1)
    assert caught.value.problem.reason == "InvalidDomain"
