"""Who has rights in one namespace takes, shadows and reads nothing of another's: that stays as it was.

SECURITY.md lists the attempts; a test holds the list against this one.
"""

import re

import msgspec
import pytest

from rollcall.model import Key
from rollcall.model.resources import FlatName, Naming
from rollcall.publish.files import FORMATS, render
from rollcall.publish.selection import FileSelection
from unit.consistency import Object
from unit.docs.pages import ROOT
from unit.publish.files.builders import file
from unit.world import World, endpoint_slice, pod, resource, service, zone


def version(text: str) -> dict[str, str]:
    return {"app.kubernetes.io/version": text}


VICTIM = (
    service(),
    pod("web-0", "10.0.0.1", hostname="web-0"),
    pod("web-1", "10.0.0.2", labels={"app": "web"} | version("v1")),
    service("db", selector=None),
    endpoint_slice("db-1", "10.0.0.3"),
)
"""What is in the namespace shop."""

REVERSE = "10.in-addr.arpa"

ATTEMPTS: dict[str, tuple[Object, ...]] = {
    "the labels of another's pods": (pod("own", "10.6.6.6", namespace="evil"),),
    "the name of another's Service": (
        service(namespace="evil"),
        pod("own", "10.6.6.6", namespace="evil"),
    ),
    "the name of another's namespace": (
        service("shop", namespace="evil"),
        pod("own", "10.6.6.6", namespace="evil"),
    ),
    "a hostname and subdomain of another's": (
        service("web", namespace="evil"),
        pod("own", "10.6.6.6", namespace="evil", hostname="web-0", subdomain="web"),
        pod("other", "10.6.6.7", namespace="evil", hostname="web", subdomain="shop"),
    ),
    "a version that spells another's name": (
        service("shop", namespace="evil"),
        pod("own", "10.6.6.6", namespace="evil", labels={"app": "web"} | version("web.shop")),
    ),
    "a ServiceInstance with another's selector": (
        resource(namespace="evil", selector={"app": "web"}),
        pod("own", "10.6.6.6", namespace="evil"),
    ),
    "an EndpointSlice of another's Service": (
        endpoint_slice("web-1", "10.6.6.6", service="web", namespace="evil"),
        endpoint_slice("db-2", "10.6.6.7", service="db", namespace="evil"),
    ),
}


def held(world: World) -> tuple[list[str], list[str], list[str]]:
    """Return what is known of shop: the records of its names, the pointers of its addresses, its files."""
    records = [line for line in world.lines() if re.match(r"(\S+\.)?shop ", line)]
    pointers = [line for line in world.lines(apex=REVERSE) if re.match(r"[123]\.0\.0 ", line)]
    files = []
    selection = FileSelection(world.directory, cross_namespace=False)
    for form in FORMATS:
        asked = file(form)
        selection.apply_file(asked)
        files.append(render(asked, selection.members(asked.key), 1).text)
    return records, pointers, files


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_an_attempt_leaves_the_other_as_it_was(attempt: str) -> None:
    zones = zone(reverse_domains=(REVERSE,))
    before, after = World(zones, *VICTIM), World(zones, *VICTIM, *ATTEMPTS[attempt])
    assert held(after) == held(before)
    order = World(zones, *ATTEMPTS[attempt], *VICTIM)
    assert held(order) == held(before)


def test_an_endpoint_slice_of_anothers_addresses_adds_pointers_and_takes_none() -> None:
    """Whose an address is, nobody can know; Kubernetes' own roles leave EndpointSlices to administrators."""
    zones = zone(reverse_domains=(REVERSE,))
    own = endpoint_slice("db-2", "10.0.0.1", "10.0.0.3", service="db", namespace="evil")
    before = World(zones, *VICTIM)
    after = World(zones, *VICTIM, service("db", selector=None, namespace="evil"), own)
    (records, pointers, files), (had, pointed, held_before) = held(after), held(before)
    assert (records, files) == (had, held_before)
    assert set(pointers) - set(pointed) == {
        "1.0.0 PTR 10-0-0-1.db.evil.example.com.",
        "3.0.0 PTR 10-0-0-3.db.evil.example.com.",
    }
    assert set(pointed) < set(pointers)


@pytest.mark.parametrize("naming", Naming)
@pytest.mark.parametrize("created", ["2025-02-01T00:00:00Z", "2026-02-01T00:00:00Z"])
def test_a_service_of_another_namespace_takes_no_name(naming: Naming, created: str) -> None:
    """Also where the namespace is in no name, whichever is older: the zone says whose it is."""
    zones = zone(naming=naming, flat_names=(FlatName("web", "shop"),) if naming is Naming.FLAT else ())
    theirs = service(namespace="evil", created=created)
    own = pod("own", "10.6.6.6", namespace="evil")
    for objects in ((*VICTIM, theirs, own), (theirs, own, *VICTIM)):
        name = "web" if naming is Naming.FLAT else "web.shop"
        found = [line for line in World(zones, *objects).lines("A") if line.startswith(f"{name} ")]
        assert found == [f"{name} A 10.0.0.1", f"{name} A 10.0.0.2"]


def test_a_file_that_asks_for_another_namespace_has_nothing_of_it() -> None:
    world = World(zone(), *VICTIM, service("own", namespace="evil"))
    asked = msgspec.structs.replace(file("json", namespaces=("evil", "shop")), key=Key("evil", "curious"))
    selection = FileSelection(world.directory, cross_namespace=False)
    selection.apply_file(asked)
    assert [each.key for each in selection.members(asked.key)] == [Key("evil", "own")]
    assert selection.denied_namespaces(asked) == ["shop"]


def test_the_page_lists_each_attempt() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    for attempt in ATTEMPTS:
        assert f"| {attempt} |" in text
