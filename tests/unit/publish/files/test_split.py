"""Renderings that are larger than a ConfigMap: nothing is lost, nothing stands twice, each part is valid."""

import json

import pytest

from rollcall.publish.files import FORMATS, MAX_PART_BYTES, Rendering, empty_part, render
from rollcall.publish.files.split import inserted, numbered
from unit.publish.files.builders import file, instance, many, members

DIVISIBLE = ["json", "prometheus", "hosts", "zonefile", "dnsmasq"]
WHOLE_ONLY = ["nginx", "haproxy", "env"]


@pytest.mark.parametrize(
    ("key", "second"),
    [
        ("targets.json", "targets.2.json"),
        ("TARGETS.JSON", "TARGETS.2.JSON"),
        ("eds.yaml", "eds.2.yaml"),
        ("a.b.conf", "a.b.2.conf"),
        ("db.example.org", "db.example.org.2"),
        ("hosts", "hosts.2"),
        (".json", ".json.2"),
    ],
)
def test_the_number_goes_before_an_ending_that_consumers_look_for(key: str, second: str) -> None:
    assert numbered(key, 1) == key
    assert numbered(key, 2) == second


@pytest.mark.parametrize("form", FORMATS)
def test_what_fits_is_one_part_with_the_same_bytes(form: str) -> None:
    rendering = render(file(form, names=("web",)), [many(50)], 1)

    assert [(part.config_map, part.text) for part in rendering.parts] == [(1, rendering.text)]


@pytest.mark.parametrize("form", [*DIVISIBLE, *WHOLE_ONLY])
def test_services_stay_whole_where_they_fit(form: str) -> None:
    services = [many(2500, name=f"svc-{number}") for number in range(12)]
    rendering = render(file(form, key="f.conf"), services, 1)

    check_limits(rendering)
    assert len(rendering.parts) > 1
    assert [part.config_map for part in rendering.parts] == list(range(1, len(rendering.parts) + 1))
    assert [part.key for part in rendering.parts[:2]] == ["f.conf", "f.2.conf"]
    for number in range(12):
        start = spelled(f"svc-{number}", form)
        assert len([part for part in rendering.parts if start in part.text]) == 1


def spelled(label: str, form: str) -> str:
    """Write the start of a service's text so that svc-1 isn't found in svc-10."""
    return {
        "json": f'"pod":"{label}-1"',
        "prometheus": f'"service":"{label}"',
        "hosts": f".{label}.",
        "zonefile": f"\n{label}.shop IN A ",
        "dnsmasq": f"local=/{label}.",
        "nginx": f"upstream {label} ",
        "haproxy": f"backend {label}\n",
        "env": f"{label.upper().replace('-', '_')}_COUNT",
    }[form]


@pytest.mark.parametrize("form", DIVISIBLE)
def test_a_service_too_large_for_a_part_is_divided(form: str) -> None:
    rendering = render(file(form, key="f"), [many(12_000)], 1)

    check_limits(rendering)
    assert rendering.too_large is None
    assert len(rendering.parts) > 1
    for number in (1, 6_000, 12_000):
        address = str(instance(number).ipv4[0])
        words = {
            "hosts": f"\n{address}\t",
            "zonefile": f"-{number % 256}.web.shop IN A {address}\n",
            "dnsmasq": f".web.shop,{address},",
            "prometheus": f'"{address}:8080"',
            "json": f'"{address}"',
        }
        assert [part.text.count(words[form]) for part in rendering.parts if words[form] in part.text] == [1]


@pytest.mark.parametrize("form", [*WHOLE_ONLY, "envoy-eds"])
def test_a_service_that_can_not_be_divided_is_refused_aloud(form: str) -> None:
    rendering = render(file(form), [many(20_000)], 1)

    assert rendering.parts == ()
    assert rendering.too_large is not None
    assert rendering.too_large.reason == "ServiceTooLarge"
    assert "shop/web" in rendering.too_large.message
    assert rendering.instances == 20_000


def test_parts_of_json_add_up() -> None:
    services = [many(6_000), many(10, name="api")]
    rendering = render(file("json"), services, 1)

    documents = [json.loads(part.text) for part in rendering.parts]
    assert [(d["part"], d["parts"]) for d in documents] == [(1, 3), (2, 3), (3, 3)]
    assert len({d["digest"] for d in documents}) == 1
    pods = [i["pod"] for d in documents for s in d["services"] for i in s["instances"]]
    assert sorted(pods) == sorted(i.pod.name for s in services for i in s.instances)


def test_parts_of_a_zone_file_include_one_another() -> None:
    rendering = render(file("zonefile", key="db.example.org"), [many(12_000)], 1)

    first, *others = rendering.parts
    included = [line for line in first.text.splitlines() if line.startswith("$INCLUDE")]
    assert included == [f"$INCLUDE {part.key}" for part in others]
    assert [part.text.count(" SOA ") for part in rendering.parts] == [1] + [0] * len(others)
    records = [line for part in rendering.parts for line in part.text.splitlines() if " IN " in line]
    whole = [line for line in rendering.text.splitlines() if " IN " in line]
    repeated = [line for line in records if line.startswith("_rollcall")][1:]
    assert sorted(records) == sorted(whole + repeated), "the marker opens each part"


def test_envoy_gets_a_key_a_service() -> None:
    rendering = render(file("envoy-eds"), [many(2), many(1, name="api")], 1)

    assert [(part.config_map, part.key) for part in rendering.parts] == [
        (1, "eds.api.json"),
        (1, "eds.web.json"),
    ]
    for part in rendering.parts:
        assert len(json.loads(part.text)["resources"]) == 1
    assert len(json.loads(rendering.text)["resources"]) == 2


def test_envoy_keys_name_the_namespace_where_the_file_does() -> None:
    services = [members("web", instance(1), namespace=namespace) for namespace in ("shop", "pay")]
    rendering = render(file("envoy-eds", namespaces=("shop", "pay")), services, 1)

    assert [part.key for part in rendering.parts] == ["eds.web.pay.json", "eds.web.shop.json"]


def test_envoy_keys_are_packed_into_config_maps() -> None:
    services = [many(2_000, name=f"svc-{number}") for number in range(5)]
    rendering = render(file("envoy-eds"), services, 1)

    check_limits(rendering)
    assert [part.config_map for part in rendering.parts] == [1, 1, 2, 2, 3]


@pytest.mark.parametrize("named", [(), ("web",)])
def test_envoy_without_services(named: tuple[str, ...]) -> None:
    """Envoy wants its file to be there at its start: where the spec names one service, it is."""
    rendering = render(file("envoy-eds", names=named), [], 1)

    assert [part.key for part in rendering.parts] == (["eds.json"] if named else [])


@pytest.mark.parametrize("form", FORMATS)
def test_an_emptied_part_is_valid(form: str) -> None:
    part = empty_part(file(form), 3)

    assert part.config_map == 3
    assert part.key == inserted(file(form).spec.config_map.key, "3")
    if form == "prometheus":
        assert json.loads(part.text) == []
    elif form in ("json", "envoy-eds"):
        assert json.loads(part.text)["services" if form == "json" else "resources"] == []
    else:
        assert all(line[0] in "#;$" for line in part.text.splitlines())


def check_limits(rendering: Rendering) -> None:
    sizes: dict[int, int] = {}
    for part in rendering.parts:
        sizes[part.config_map] = sizes.get(part.config_map, 0) + len(part.text.encode())
    assert max(sizes.values()) <= MAX_PART_BYTES
