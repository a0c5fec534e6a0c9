"""Pods, Services and ServiceInstances as strange as can be decoded: what becomes of them in DNS.

An object comes and goes again. Whatever it is, the records of the others are as before when it has gone.
"""

from typing import Any

import msgspec

from fuzz.target import Target
from rollcall.kube.errors import BadAnswer
from rollcall.model import Key
from rollcall.watch import PODS, SERVICE_INSTANCES, SERVICES, Resource
from unit.api_objects import kind_of
from unit.world import World, pod, service, zone

_KINDS: list[Resource[Any]] = [PODS, SERVICES, SERVICE_INSTANCES]
_WORLD = World(
    zone(),
    *(service(name) for name in ("web", "api")),
    *(pod(f"web-{number}", f"10.0.0.{number}") for number in range(3)),
)
_BEFORE = sorted(_WORLD.follower.text("example.com"))


def feed(octets: bytes) -> None:
    """Let there be an object of the kind that the first octet says, and let it go."""
    if not octets:
        return
    resource = _KINDS[octets[0] % len(_KINDS)]
    try:
        found = resource.read_item(msgspec.Raw(octets[1:])).object
    except BadAnswer:
        return
    if found is None or _is_known(found.key):
        return
    directory = _WORLD.directory
    if resource is PODS:
        directory.apply_pod(found)
        _WORLD.commit()
        directory.remove_pod(found.key)
    elif resource is SERVICES:
        directory.apply_service(found)
        _WORLD.commit()
        directory.remove_service(found.key)
    else:
        directory.apply_resource(found)
        _WORLD.commit()
        directory.remove_resource(found.key)
    _WORLD.commit()
    assert sorted(_WORLD.follower.text("example.com")) == _BEFORE


def _is_known(key: Key) -> bool:
    return key.namespace == "shop" and key.name in {"web", "api", "web-0", "web-1", "web-2"}


def _written(kind: int, name: str, spec: dict[str, Any], **more: Any) -> bytes:
    labels = {"app": "web", "version": "blue", "weird.example/x": "A-_.z"}
    metadata = {"name": name, "namespace": "shop", "uid": "u-1", "resourceVersion": "7", "labels": labels}
    whole = kind_of(_KINDS[kind]) | {"metadata": metadata, "spec": spec} | more
    return bytes((kind,)) + msgspec.json.encode(whole)


_READY = [{"type": "Ready", "status": "True"}]
_PORTS = [{"name": "web", "containerPort": 8080, "protocol": "TCP"}]
TARGET = Target(
    [
        _written(
            0,
            "x",
            {"hostname": "x", "subdomain": "web", "nodeName": "n", "containers": [{"ports": _PORTS}]},
            status={
                "phase": "Running",
                "podIP": "10.9.9.9",
                "podIPs": [{"ip": "10.9.9.9"}, {"ip": "fd00::9"}],
                "conditions": _READY,
            },
        ),
        _written(0, "y", {"containers": []}, status={"phase": "Failed"}),
        _written(
            1,
            "s",
            {
                "selector": {"app": "web"},
                "ports": [{"name": "http", "port": 80, "targetPort": "web"}],
                "ipFamilies": ["IPv4", "IPv6"],
                "publishNotReadyAddresses": True,
            },
        ),
        _written(1, "e", {"type": "ExternalName", "externalName": "example.org"}),
        _written(
            2,
            "i",
            {
                "selector": {"matchLabels": {"app": "web"}},
                "ports": [{"name": "http", "port": 80}],
                "ttlSeconds": 7,
                "answer": {"max": 64, "policy": "All"},
                "release": {
                    "strategy": "blueGreen",
                    "versionLabel": "version",
                    "blueGreen": {"active": "blue"},
                },
            },
        ),
    ],
    feed,
)
