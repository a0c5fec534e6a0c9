"""Services and pods that are as hostile as an API server lets them be, and what files are made of them.

A test has a real API server take each (`tests/api/files/test_hostile.py`), the readers of files are given all
of them (`tests/dns/files`). The words are those that mean something to a shell, to HAProxy, nginx, dnsmasq,
BIND and to parsers of JSON and YAML; the free text tries to end a line, a string, a block.
"""

from collections.abc import Iterator
from functools import cache

import msgspec

from controlplane import manifests
from controlplane.client import Json
from rollcall.model import Key, Members
from rollcall.watch import PODS, SERVICES
from unit.world import World, zone

NAMESPACE = "shop"
EVIL = "6.6.6.6"
"""An address that is in the free text alone: in a file, the text would have become more than text."""

TEXT = (
    f'1"}}];\n}}\nserver evil {EVIL}:80\naddress=/evil/{EVIL}\n$INCLUDE /etc/passwd\n'
    "\t\x1b[2J`id` $(id) '#;%0a\\"
)

NAMES = ("localhost", "server", "upstream", "defaults", "null", "true", "x--y", "z" * 63)
"""Of Services: labels of RFC 1035."""

VERSIONS = ("1e309", "0x1F", "NaN", "null", "true", "a..b__c--D", "0")
POD_NAMES = ("7.7.7.7", "localhost", "null", "a.b.c", ".".join(["z" * 63] * 3 + ["y" * 61]))
HOST_NAMES = ("localhost", "null", "0", "1e3", "z" * 63)


def services() -> list[Json]:
    """Make them as users create them. All select the same pods."""
    spec = {
        "ports": [
            {"name": "http", "port": 80, "targetPort": "http"},
            {"name": "x--y", "port": 1, "targetPort": 1},
            {"name": "z" * 63, "port": 65535, "targetPort": 65535},
        ]
    }
    annotations = {"example.com/text": TEXT}
    return [
        manifests.service(
            NAMESPACE, name, selector={"app": "hostile"}, annotations=annotations, spec=spec, headless=False
        )
        for name in NAMES
    ]


def pods() -> list[Json]:
    """Make them as users create them."""
    return list(_pods())


def _pods() -> Iterator[Json]:
    annotations = {"rollcall.dev/weight": TEXT, "rollcall.dev/drain": TEXT, "example.com/text": TEXT}
    for number, version in enumerate(VERSIONS):
        labels = {
            "app": "hostile",
            "app.kubernetes.io/version": version,
            "topology.kubernetes.io/zone": version,
        }
        name = POD_NAMES[number] if number < len(POD_NAMES) else f"pod-{number}"
        hostname = HOST_NAMES[number] if number < len(HOST_NAMES) else None
        yield manifests.pod(
            NAMESPACE,
            name,
            labels=labels,
            annotations=annotations,
            ports=[("http", 8080)],
            node="10.0.0.1",
            hostname=hostname,
            subdomain=NAMES[number] if hostname else None,
        )


@cache
def hostile() -> tuple[Members, ...]:
    """Return what files are made of: each Service with all pods, which run and are ready."""
    running = [
        body | {"status": manifests.running([f"10.0.0.{number}"], ready=True)}
        for number, body in enumerate(pods(), 1)
    ]
    read = [
        resource.read_item(msgspec.Raw(msgspec.json.encode(_created(body)))).object
        for resource, bodies in ((SERVICES, services()), (PODS, running))
        for body in bodies
    ]
    world = World(zone(), *(each for each in read if each is not None))
    found = [world.directory.get(Key(NAMESPACE, name)) for name in NAMES]
    return tuple(entry.members() for entry in found if entry is not None)


def _created(body: Json) -> Json:
    """Make an object as an API server lists it."""
    meta = body["metadata"]
    uid = f"uid-{body['kind']}-{meta['name']}"
    created = {"uid": uid, "resourceVersion": "7", "creationTimestamp": "2026-01-01T00:00:00Z"}
    return {key: value for key, value in body.items() if key not in ("kind", "apiVersion")} | {
        "metadata": meta | created
    }
