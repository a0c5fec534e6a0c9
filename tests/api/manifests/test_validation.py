"""What the API server refuses, each with a message that says what to write instead, and what it fills in."""

import pytest

from api.manifests.resources import Json, Resources
from controlplane import ApiError
from unit.manifests.sources import EXAMPLE_OBJECTS

ZONE = {"domain": "k8s.example.com"}
FLAT: Json = {**ZONE, "naming": "Flat", "flatNames": [{"name": "web", "namespace": "shop"}]}
FILE = {"format": "json", "configMap": {"name": "web", "key": "web.json"}}
LABEL = {"matchLabels": {"app": "web"}}
PORT = {"name": "http", "port": 80}


def canary(**fields: object) -> Json:
    return {"release": {"canary": {"stable": "v1", "canary": "v2", **fields}}}


def pause(text: str) -> Json:
    return canary(steps=[{"weight": 5, "pause": text}, {"weight": 100}])


INSTANCES: dict[str, tuple[Json, str]] = {
    "ports without a selector": ({"ports": [PORT]}, "add spec.selector, or remove spec.ports"),
    "empty selector": ({"selector": {}}, "write labels of the pods, such as app: web"),
    "selector key": ({"selector": {"app web": "x"}}, "a key is not a label name"),
    "selector value": ({"selector": {"app": "a/b"}}, "must be the value of a label"),
    "selector of expressions": (
        {"selector": {"matchLabels": {"app": "web"}}},
        'unknown field "spec.selector.matchLabels.app"',
    ),
    "unnamed ports": (
        {"selector": {"app": "web"}, "ports": [PORT, {"port": 81}]},
        "several ports need names",
    ),
    "port twice": ({"selector": {"app": "web"}, "ports": [PORT, PORT]}, "give each its own"),
    "port name": (
        {"selector": {"app": "web"}, "ports": [{"name": "HTTP", "port": 80}]},
        "must be a port name: lower case",
    ),
    "port 0": ({"selector": {"app": "web"}, "ports": [{"port": 0}]}, "greater than or equal to 1"),
    "port missing": ({"selector": {"app": "web"}, "ports": [{"name": "http"}]}, "ports[0].port: Required"),
    "protocol": (
        {"selector": {"app": "web"}, "ports": [{"port": 80, "protocol": "tcp"}]},
        'supported values: "TCP", "UDP", "SCTP"',
    ),
    "target port number": (
        {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 70000}]},
        "must be a port number from 1 to 65535, or the name of a container's port",
    ),
    "target port name": (
        {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "Http"}]},
        "must be a port number from 1 to 65535, or the name of a container's port",
    ),
    "ttl": ({"ttlSeconds": 86401}, "less than or equal to 86400"),
    "negative ttl": ({"negativeTtlSeconds": 3601}, "less than or equal to 3600"),
    "ttl with a unit": ({"ttlSeconds": "5s"}, "must be of type integer"),
    "policy": ({"answer": {"policy": "random"}}, 'supported values: "Random", "One", "All"'),
    "count with One": ({"answer": {"policy": "One", "count": 2}}, "remove count, or write policy: Random"),
    "count": ({"answer": {"count": 9}}, "less than or equal to 8"),
    "instance names": ({"eligibility": {"instanceNames": "All"}}, 'supported values: "Eligible", "Live"'),
    "version label": ({"release": {"versionLabel": "a b"}}, "must be the name of a label"),
    "two strategies": (
        {"release": {"blueGreen": {"active": "blue"}, "canary": {"stable": "blue", "canary": "green"}}},
        "blueGreen and canary exclude each other",
    ),
    "active missing": (
        {"release": {"blueGreen": {}}},
        "active is missing: write the version that is answered, or follow: Deployment",
    ),
    "active is no label value": ({"release": {"blueGreen": {"active": "v 2"}}}, "must be a version"),
    "active is empty": ({"release": {"blueGreen": {"active": ""}}}, "must be a version"),
    "min ready": (
        {"release": {"blueGreen": {"active": "blue", "minReady": 0}}},
        "greater than or equal to 1",
    ),
    "stable missing": (
        {"release": {"canary": {"canary": "v2"}}},
        "stable or canary is missing: write both versions, or follow: Deployment",
    ),
    "canary missing": ({"release": {"canary": {"stable": "v1"}}}, "stable or canary is missing"),
    "follow": ({"release": {"follow": "DaemonSet"}}, 'supported values: "Deployment", "Rollout"'),
    "follow with a label": (
        {"release": {"follow": "Deployment", "versionLabel": "version"}},
        "follow reads the versions from the label that the roll-out uses: remove versionLabel",
    ),
    "follow with active": (
        {"release": {"follow": "Deployment", "blueGreen": {"active": "blue"}}},
        "with follow the roll-out says which version is new: remove active",
    ),
    "follow with stable": (
        {"release": {"follow": "Deployment", "canary": {"stable": "v1"}}},
        "with follow the roll-out says which version is old and which is new: remove stable and canary",
    ),
    "follow with canary": (
        {"release": {"follow": "Deployment", "canary": {"canary": "v2", "weight": 5}}},
        "remove stable and canary",
    ),
    "a Rollout with blue/green": (
        {"release": {"follow": "Rollout", "blueGreen": {}}},
        "a Rollout has a strategy and weights of its own: remove blueGreen and canary here",
    ),
    "a Rollout with a canary": (
        {"release": {"follow": "Rollout", "canary": {"weight": 5}}},
        "remove blueGreen and canary here, and write them into the Rollout",
    ),
    "follow with both strategies": (
        {"release": {"follow": "Deployment", "blueGreen": {}, "canary": {}}},
        "blueGreen and canary exclude each other",
    ),
    "canary is no label value": (
        {"release": {"canary": {"stable": "v1", "canary": "v2-"}}},
        "must be a version",
    ),
    "canary is stable": (
        {"release": {"canary": {"stable": "v1", "canary": "v1"}}},
        "stable and canary are the same version",
    ),
    "weight over 100": (
        {"release": {"canary": {"stable": "v1", "canary": "v2", "weight": 101}}},
        "less than or equal to 100",
    ),
    "weight below 0": (
        {"release": {"canary": {"stable": "v1", "canary": "v2", "weight": -1}}},
        "greater than or equal to 0",
    ),
    "unweighted targets": (
        {"release": {"canary": {"stable": "v1", "canary": "v2", "unweightedTargets": "none"}}},
        'supported values: "all", "stable-only", "by-count"',
    ),
    "steps with no end": (
        canary(steps=[{"weight": 5, "pause": "5m"}, {"weight": 50, "pause": "5m"}]),
        "the steps have no end: the last one must have weight: 100",
    ),
    "a step that is never left": (canary(steps=[{"weight": 5}, {"weight": 100}]), "a step has no pause"),
    "steps that fall": (
        canary(steps=[{"weight": 5, "pause": "5m"}, {"weight": 2, "pause": "5m"}, {"weight": 100}]),
        "the weights must rise from step to step",
    ),
    "a step twice": (
        canary(steps=[{"weight": 5, "pause": "5m"}, {"weight": 5, "pause": "5m"}, {"weight": 100}]),
        "the weights must rise from step to step",
    ),
    "a step over 100": (canary(steps=[{"weight": 101}]), "less than or equal to 100"),
    "a step without a weight": (canary(steps=[{"pause": "5m"}]), "steps[0].weight: Required"),
    "steps and a weight": (canary(weight=5, steps=[{"weight": 100}]), "weight and steps exclude each other"),
    "steps and the weight 0": (canary(weight=0, steps=[{"weight": 100}]), "remove weight, or remove steps"),
    "pause without a unit": (pause("5"), "must be a duration of 1s to 168h, such as 30s, 10m or 1h30m"),
    "pause of nothing": (pause("0s"), "must be a duration of 1s to 168h"),
    "empty pause": (pause(""), "must be a duration of 1s to 168h"),
    "pause too long": (pause("168h1s"), "must be a duration of 1s to 168h"),
    "pause in days": (pause("2d"), "must be a duration of 1s to 168h"),
    "share of ready pods": (canary(minReadyPercent=101), "less than or equal to 100"),
    "no share of ready pods": (canary(minReadyPercent=0), "greater than or equal to 1"),
    "rollback after": (canary(rollbackAfter="25h"), "must be a duration of 1s to 24h"),
    "drain": ({"drain": {"seconds": 3601}}, "less than or equal to 3600"),
    "zone": ({"zones": ["https://dns"]}, "must be the name of a DiscoveryZone, as kubectl get dz prints it"),
    "zone twice": ({"zones": ["internal", "internal"]}, "spec.zones[1]: Duplicate value"),
    "typo": ({"ttl": 5}, 'unknown field "spec.ttl"'),
}

UPDATE = {"name": "bind", "server": "192.0.2.53", "keySecret": "bind-key"}
SECONDARY = {"name": "ns1", "address": "192.0.2.54", "keySecret": "ns1-key"}

ZONES: dict[str, tuple[Json, str]] = {
    "no domain": ({}, "spec.domain: Required"),
    "upper case": ({"domain": "K8s.example.com"}, "in lower case without the last dot"),
    "last dot": ({"domain": "k8s.example.com."}, "in lower case without the last dot"),
    "not ASCII": ({"domain": "bücher.example"}, "international names in their xn-- form"),
    "underscore": ({"domain": "a_b.example.com"}, "of labels of a-z, 0-9 and '-'"),
    "empty label": ({"domain": "a..example.com"}, "of labels of a-z, 0-9 and '-'"),
    "long label": ({"domain": f"{'a' * 64}.example.com"}, "must be a domain name"),
    "empty domain": ({"domain": ""}, "must be a domain name"),
    "address": ({"domain": "10.0.0.1"}, "must be a domain name"),
    "reverse domain": ({"domain": "10.in-addr.arpa"}, "list it in spec.reverseDomains"),
    "long domain": ({"domain": "a." * 92 + "example"}, "may not be more than 185"),
    "namespace wildcard": ({**ZONE, "namespaces": ["*"]}, "leave namespaces out for all of them"),
    "selector without values": (
        {**ZONE, "serviceSelector": {"matchExpressions": [{"key": "app", "operator": "In"}]}},
        "the operators In and NotIn need values",
    ),
    "selector with values": (
        {
            **ZONE,
            "serviceSelector": {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]},
        },
        "Exists and DoesNotExist take none",
    ),
    "selector operator": (
        {**ZONE, "serviceSelector": {"matchExpressions": [{"key": "a", "operator": "=="}]}},
        'supported values: "In", "NotIn", "Exists", "DoesNotExist"',
    ),
    "selector label": (
        {**ZONE, "serviceSelector": {"matchLabels": {"-a": "b"}}},
        "a key is not the name of a label",
    ),
    "selector of plain labels": (
        {**ZONE, "serviceSelector": {"app": "web"}},
        'unknown field "spec.serviceSelector.app"',
    ),
    "naming": ({**ZONE, "naming": "flat"}, 'supported values: "Namespaced", "Flat"'),
    "flat names of all namespaces": (
        {**ZONE, "naming": "Flat"},
        "with naming Flat, flatNames has to say which namespace may have which name",
    ),
    "flat names of two namespaces": (
        {**FLAT, "namespaces": ["shop", "blog"], "flatNames": []},
        "list them, or name exactly one namespace in namespaces",
    ),
    "flat name of no namespace of the zone": (
        {**FLAT, "namespaces": ["blog"]},
        "a namespace of flatNames is not among namespaces",
    ),
    "flat name twice": (
        {**FLAT, "flatNames": [*FLAT["flatNames"], {"name": "web", "namespace": "blog"}]},
        "spec.flatNames[1]: Duplicate value",
    ),
    "flat name with a dot": (
        {**FLAT, "flatNames": [{"name": "web.shop", "namespace": "shop"}]},
        "must be the name of a service, without the domain",
    ),
    "flat names of a zone that is not": (
        {**FLAT, "naming": "Namespaced"},
        "only zones with naming: Flat give names to namespaces",
    ),
    "ttl": ({**ZONE, "ttlSeconds": -1}, "greater than or equal to 0"),
    "negative ttl": ({**ZONE, "negativeTtlSeconds": 86400}, "less than or equal to 3600"),
    "server is an address": (
        {**ZONE, "nameServers": [{"name": "192.0.2.53"}]},
        "must be the name of a server in lower case without the last dot, not an address",
    ),
    "server within the domain without addresses": (
        {**ZONE, "nameServers": [{"name": "ns1.k8s.example.com"}]},
        "a name server within spec.domain needs addresses",
    ),
    "server outside of the domain with addresses": (
        {**ZONE, "nameServers": [{"name": "ns1.example.com", "addresses": ["192.0.2.53"]}]},
        "one outside it takes none",
    ),
    "server address": (
        {**ZONE, "nameServers": [{"name": "ns1.k8s.example.com", "addresses": ["192.0.2.300"]}]},
        "must be an IPv4 or IPv6 address, such as 192.0.2.53",
    ),
    "server twice": (
        {**ZONE, "nameServers": [{"name": "ns1.example.com"}, {"name": "ns1.example.com"}]},
        "spec.nameServers[1]: Duplicate value",
    ),
    "network": ({**ZONE, "reverseDomains": ["10.1.0.0/16"]}, "1.10.in-addr.arpa for 10.1.0.0/16"),
    "octet": ({**ZONE, "reverseDomains": ["256.10.in-addr.arpa"]}, "must be a reverse domain"),
    "nibble": ({**ZONE, "reverseDomains": ["2001.ip6.arpa"]}, "8.b.d.0.1.0.0.2.ip6.arpa for 2001:db8::/32"),
    "all of IPv4": ({**ZONE, "reverseDomains": ["in-addr.arpa"]}, "must be a reverse domain"),
    "update without a key": (
        {**ZONE, "updates": [{"name": "bind", "server": "192.0.2.53"}]},
        "spec.updates[0].keySecret: Required",
    ),
    "update server with a port": (
        {**ZONE, "updates": [{**UPDATE, "server": "192.0.2.53:53"}]},
        "without a port (it goes into port)",
    ),
    "update of another domain": (
        {**ZONE, "updates": [{**UPDATE, "domains": ["example.com"]}]},
        "domains of a target must be among spec.domain and spec.reverseDomains",
    ),
    "target called serve": ({**ZONE, "updates": [{**UPDATE, "name": "serve"}]}, "Rollcall's own server"),
    "update and octodns of one name": (
        {**ZONE, "updates": [UPDATE], "octodns": [{"name": "bind", "configSecret": "a"}]},
        "a name is used twice among updates, transfer.secondaries and octodns",
    ),
    "octodns and secondary of one name": (
        {
            **ZONE,
            "transfer": {"secondaries": [SECONDARY]},
            "octodns": [{"name": "ns1", "configSecret": "a"}],
        },
        "a name is used twice among updates, transfer.secondaries and octodns",
    ),
    "secondary by name": (
        {**ZONE, "transfer": {"secondaries": [{**SECONDARY, "address": "ns1.example.com"}]}},
        "must be an IPv4 or IPv6 address, such as 192.0.2.54",
    ),
    "secondary without a key": (
        {**ZONE, "transfer": {"secondaries": [{"name": "coredns", "address": "10.96.0.10"}]}},
        "add a key, or the network",
    ),
    "secondary outside of the networks": (
        {
            **ZONE,
            "transfer": {
                "secondaries": [{"name": "coredns", "address": "10.96.0.10"}],
                "allowUnsigned": ["10.97.0.0/16"],
            },
        },
        "add a key, or the network",
    ),
    "network that is an address": (
        {**ZONE, "transfer": {"allowUnsigned": ["10.0.0.1"]}},
        "must be a network with its prefix length",
    ),
    "catalog": ({**ZONE, "transfer": {"catalog": "Catalog."}}, "such as catalog.example.com"),
    "octodns Secret": (
        {**ZONE, "octodns": [{"name": "a", "configSecret": "A b"}]},
        "must be the name of a Secret",
    ),
}

FILES: dict[str, tuple[Json, str]] = {
    "no ConfigMap": ({"format": "json"}, "spec.configMap: Required"),
    "no key": ({"format": "json", "configMap": {"name": "web"}}, "spec.configMap.key: Required"),
    "format": (
        {**FILE, "format": "yaml"},
        'supported values: "json", "hosts", "zonefile", "prometheus", "envoy-eds", "nginx", "haproxy",',
    ),
    "zone file without a domain": (
        {**FILE, "format": "zonefile"},
        "add spec.domain, such as k8s.example.com",
    ),
    "domain": ({**FILE, "format": "hosts", "domain": "K8s."}, "must be a domain name in lower case"),
    "domain for json": ({**FILE, **ZONE}, "remove spec.domain, or change spec.format"),
    "port for json": ({**FILE, "port": "http"}, "remove spec.port, or change spec.format"),
    "port number": ({**FILE, "format": "nginx", "port": "80."}, "must be the name of a port of the services"),
    "ttl for json": ({**FILE, "ttlSeconds": 5}, "remove spec.ttlSeconds, or change spec.format"),
    "ConfigMap name": (
        {**FILE, "configMap": {"name": "Web", "key": "web.json"}},
        "must be the name of a ConfigMap, in lower case",
    ),
    "path": ({**FILE, "configMap": {"name": "web", "key": "a/b"}}, "must be a file name"),
    "parent folder": ({**FILE, "configMap": {"name": "web", "key": ".."}}, "must be a file name"),
    "Prometheus key": (
        {"format": "prometheus", "configMap": {"name": "web", "key": "targets"}},
        "Prometheus reads only files that end in .json, .yml or .yaml",
    ),
    "Envoy key": (
        {"format": "envoy-eds", "configMap": {"name": "web", "key": "eds.pb"}},
        "Envoy knows the syntax by the ending .json, .yml or .yaml",
    ),
    "names and a selector": (
        {**FILE, "services": {"names": ["web"], "selector": LABEL}},
        "names and selector exclude each other",
    ),
    "service with its namespace": (
        {**FILE, "services": {"names": ["shop/web"]}},
        "must be the name of a Service or ServiceInstance, without its namespace",
    ),
    "namespace": ({**FILE, "services": {"namespaces": ["shop-*"]}}, "must be the name of a namespace"),
}

REFUSED = [
    pytest.param(kind, spec, message, id=f"{kind}: {case}")
    for kind, table in (("ServiceInstance", INSTANCES), ("DiscoveryZone", ZONES), ("DiscoveryFile", FILES))
    for case, (spec, message) in table.items()
]


@pytest.mark.parametrize(("kind", "spec", "message"), REFUSED)
def test_refused(resources: Resources, kind: str, spec: Json, message: str) -> None:
    with pytest.raises(ApiError) as refusal:
        resources.dry_run(kind, spec)
    assert message in str(refusal.value)


@pytest.mark.parametrize("name", ["web.shop", "a" * 64])
def test_a_name_that_is_no_label_is_refused(resources: Resources, name: str) -> None:
    with pytest.raises(
        ApiError, match=r"becomes a label in DNS: use at most 63 of a-z, 0-9 and '-', no dots"
    ):
        resources.dry_run("ServiceInstance", {}, name)


ACCEPTED: dict[str, tuple[str, Json | None, Json | None]] = {
    "no spec": ("ServiceInstance", None, None),
    "empty spec": ("ServiceInstance", {}, {}),
    "answer": (
        "ServiceInstance",
        {"answer": {"count": 3}, "eligibility": {}},
        {
            "answer": {"count": 3, "policy": "Random"},
            "eligibility": {"instanceNames": "Eligible"},
        },
    ),
    "ports": (
        "ServiceInstance",
        {"selector": {"app": "web", "example.com/tier": ""}, "ports": [{"port": 80, "targetPort": "http"}]},
        {
            "selector": {"app": "web", "example.com/tier": ""},
            "ports": [{"port": 80, "protocol": "TCP", "targetPort": "http"}],
        },
    ),
    "zone": (
        "DiscoveryZone",
        {"domain": "internal"},
        {"domain": "internal", "naming": "Namespaced", "ttlSeconds": 5, "negativeTtlSeconds": 5},
    ),
    "home.arpa": (
        "DiscoveryZone",
        {"domain": "home.arpa", "ttlSeconds": 0},
        {"domain": "home.arpa", "naming": "Namespaced", "ttlSeconds": 0, "negativeTtlSeconds": 5},
    ),
    "international": (
        "DiscoveryZone",
        {"domain": "xn--bcher-kva.example"},
        {"domain": "xn--bcher-kva.example", "naming": "Namespaced", "ttlSeconds": 5, "negativeTtlSeconds": 5},
    ),
    "follow a Deployment": (
        "ServiceInstance",
        {"release": {"follow": "Deployment"}},
        {"release": {"follow": "Deployment"}},
    ),
    "follow a Deployment, blue/green": (
        "ServiceInstance",
        {"release": {"follow": "Deployment", "blueGreen": {}}},
        {"release": {"follow": "Deployment", "blueGreen": {"minReady": 1}}},
    ),
    "follow a Rollout": (
        "ServiceInstance",
        {"release": {"follow": "Rollout"}},
        {"release": {"follow": "Rollout"}},
    ),
    "file": ("DiscoveryFile", FILE, FILE),
    "hidden file": (
        "DiscoveryFile",
        {"format": "env", "configMap": {"name": "web.v2", "key": ".env"}},
        {"format": "env", "configMap": {"name": "web.v2", "key": ".env"}},
    ),
}


@pytest.mark.parametrize(("kind", "spec", "stored"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_accepted_with_defaults(
    resources: Resources, kind: str, spec: Json | None, stored: Json | None
) -> None:
    assert resources.dry_run(kind, spec).get("spec") == stored


@pytest.mark.parametrize("example", EXAMPLE_OBJECTS, ids=lambda e: f"{e['kind']}/{e['metadata']['name']}")
def test_examples_are_accepted(resources: Resources, example: Json) -> None:
    resources.dry_run(example["kind"], example["spec"], example["metadata"]["name"])


@pytest.mark.parametrize(
    ("kind", "spec", "change", "message"),
    [
        (
            "DiscoveryZone",
            ZONE,
            {"domain": "other.example.com"},
            "make a new DiscoveryZone with the new domain",
        ),
        ("DiscoveryFile", FILE, {"configMap": {"name": "new"}}, "make a new DiscoveryFile with the new name"),
    ],
)
def test_what_can_not_be_changed(
    resources: Resources, kind: str, spec: Json, change: Json, message: str
) -> None:
    resources.create(kind, spec)
    target = resources.path(kind, "web")
    with pytest.raises(ApiError, match=message):
        resources.cluster.client.patch(target, {"spec": change})
    resources.cluster.client.patch(target, {"metadata": {"labels": {"changed": "yes"}}})
