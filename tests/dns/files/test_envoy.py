"""Envoy follows our endpoints as a ConfigMap is exchanged."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from controlplane.child import Child
from controlplane.ports import free_port
from file_consumers import Mount, answered, answering, finish, shared
from hostile import hostile
from rollcall.model import Members
from unit.publish.files.builders import EMPTY, WEB, file, members

FILE = file("envoy-eds")
LOOKS = 500

Endpoint = tuple[str, int, str, int]


def cluster(name: str, mount: Path) -> dict[str, Any]:
    source = {"path": f"{mount}/eds.{name}.json", "watched_directory": {"path": str(mount)}}
    return {
        "name": name,
        "type": "EDS",
        "connect_timeout": "1s",
        "eds_cluster_config": {
            "eds_config": {"resource_api_version": "V3", "path_config_source": source},
        },
    }


def listener(port: int, cluster_name: str) -> dict[str, Any]:
    router = {
        "name": "router",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
    }
    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network"
        ".http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": cluster_name,
        "http_filters": [router],
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": cluster_name}}],
                }
            ]
        },
    }
    return {
        "name": cluster_name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }


def configuration(folder: Path, admin: int, port: int, names: Sequence[str] = ("web", "empty")) -> Path:
    path = folder / "envoy.json"
    config = {
        "node": {"id": "test", "cluster": "test"},
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": admin}}},
        "static_resources": {
            "listeners": [listener(port, "web")],
            "clusters": [cluster(name, folder / "mount") for name in names],
        },
    }
    path.write_text(json.dumps(config))
    return path


async def endpoints_at(http: aiohttp.ClientSession, admin: int) -> dict[str, set[Endpoint]]:
    """Return the endpoints that an Envoy has, by cluster."""
    async with http.get(f"http://127.0.0.1:{admin}/clusters?format=json") as response:
        clusters = json.loads(await response.text())["cluster_statuses"]
    return {c["name"]: set(map(endpoint, c.get("host_statuses", ()))) for c in clusters}


OPTIONS = ("--concurrency", "1", "--disable-hot-restart", "-l", "warning")


async def test_endpoints_follow_the_file(
    tmp_path: Path, program: Callable[[str], str], run: Callable[..., Child]
) -> None:
    admin, port = free_port(), free_port()
    mount = Mount(tmp_path / "mount")
    mount.publish(FILE, [WEB, EMPTY])
    config = configuration(tmp_path, admin, port)
    checked = await finish(program("envoy"), "--mode", "validate", "-c", config)
    assert checked.code == 0, checked
    run(program("envoy"), "-c", config, *OPTIONS)

    async with answering() as web, aiohttp.ClientSession() as http:

        async def endpoints() -> dict[str, set[Endpoint]]:
            return await endpoints_at(http, admin)

        async def get() -> tuple[int, str]:
            async with http.get(f"http://127.0.0.1:{port}/") as response:
                return response.status, await response.text()

        async def several() -> set[str]:
            return {(await get())[1] for _ in range(6)}

        want: dict[str, set[Endpoint]] = {
            "web": {
                ("10.0.0.1", 8080, "HEALTHY", 100),
                ("10.0.0.2", 8080, "DRAINING", 1),
                ("fd00::3", 8080, "HEALTHY", 100),
            },
            "empty": set(),
        }
        await answered(endpoints, lambda found: found == want)

        mount.publish(FILE, [web, EMPTY])
        await answered(several, lambda answers: answers == {"web-1", "web-2"})

        mount.publish(FILE, [members("web"), EMPTY])
        await answered(endpoints, lambda found: found == {"web": set(), "empty": set()})
        await answered(get, lambda answer: answer[0] == 503)  # its worker hears of it a moment later

        mount.publish(FILE, [Members(web.key, web.ports, web.instances[1:]), EMPTY])
        await answered(several, lambda answers: answers == {"web-2"})


async def test_hostile_names_are_those_of_clusters(
    tmp_path: Path, program: Callable[[str], str], run: Callable[..., Child]
) -> None:
    admin = free_port()
    mount = Mount(tmp_path / "mount")
    mount.publish(FILE, [WEB, *hostile()])
    names = ["web", *(each.key.name for each in hostile())]
    run(program("envoy"), "-c", configuration(tmp_path, admin, free_port(), names), *OPTIONS)
    async with aiohttp.ClientSession() as http:

        async def addresses() -> dict[str, set[str]]:
            found = await endpoints_at(http, admin)
            return {name: {address for address, *_ in found.get(name, ())} for name in names[1:]}

        want = {f"10.0.0.{number}" for number in range(1, 8)}
        await answered(addresses, lambda found: all(each == want for each in found.values()))


async def test_a_canary_gets_its_share_of_the_requests(
    tmp_path: Path, program: Callable[[str], str], run: Callable[..., Child]
) -> None:
    """As the weights of the file, which Envoy shows, and as what it makes of them; changed while it runs."""
    admin, port = free_port(), free_port()
    mount = Mount(tmp_path / "mount")
    config = configuration(tmp_path, admin, port)
    async with answering() as web, aiohttp.ClientSession() as http:
        mount.publish(FILE, [web, EMPTY])
        run(program("envoy"), "-c", config, *OPTIONS)

        async def weights() -> dict[str, int]:
            return {host: weight for host, _, _, weight in (await endpoints_at(http, admin))["web"]}

        async def get() -> str:
            async with http.get(f"http://127.0.0.1:{port}/") as response:
                assert response.status == 200
                return await response.text()

        for percent in (10, 50, 1):
            divided = shared(web, percent)
            mount.publish(FILE, [divided, EMPTY])
            stable, canary = (each.weight for each in divided.instances)
            assert 100 * canary / (stable + canary) == pytest.approx(percent, abs=0.01)
            await answered(weights, {"127.0.0.1": stable, "::1": canary}.__eq__)
            answers = [await get() for _ in range(LOOKS)]
            assert answers.count("web-2") == pytest.approx(LOOKS * percent / 100, abs=2)


def endpoint(status: dict[str, Any]) -> Endpoint:
    address = status["address"]["socket_address"]
    health = status["health_status"].get("eds_health_status", "HEALTHY")
    return address["address"], address["port_value"], health, status.get("weight", 1)
