"""Prometheus discovers our targets, from the file and over HTTP."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from file_consumers import Mount, finish, shared
from hostile import NAMES, VERSIONS, hostile
from rollcall.http.bodies import Bodies
from rollcall.http.files import add_file_route
from rollcall.http.limits import HttpLimits
from rollcall.http.waits import Waits
from rollcall.model import Members
from rollcall.publish.file_store import FileStore
from unit.publish.files.builders import EMPTY, WEB, file, instance, many, members

FILE = file("prometheus")

CASES = [
    pytest.param([WEB, EMPTY], 3, id="all kinds"),
    pytest.param([EMPTY], 0, id="only empty"),
    pytest.param([], 0, id="no service"),
]


async def discovered(
    promtool: str, folder: Path, discovery: str, count: int, relabelled: Sequence[str] = ("zone",)
) -> list[dict[str, Any]]:
    """Return the targets that Prometheus' own discovery finds, with their labels: so many, if all is well.

    Of ours that end with relabelling, those of these names are kept.
    """
    rules = "".join(
        f"      - {{source_labels: [__meta_rollcall_{name}], target_label: {name}}}\n" for name in relabelled
    )
    config = folder / "prometheus.yml"
    config.write_text(
        f"""
scrape_configs:
  - job_name: pods
    {discovery}
    relabel_configs:
{rules}"""
    )
    checked = await finish(promtool, "check", "config", config)
    assert checked.code == 0, checked
    found: list[dict[str, Any]] = []
    for limit in (
        "1s",
        "5s",
        "20s",
    ):  # promtool waits for all of it, whatever has come; a busy machine is late
        ran = await finish(promtool, "check", "service-discovery", "--timeout", limit, config, "pods")
        assert ran.code == 0, ran
        found = [target["labels"] for target in json.loads(ran.output)]
        if len(found) == count:
            break
    return found


def labels(*pods: int) -> list[dict[str, str]]:
    addresses = {1: "10.0.0.1:8080", 2: "10.0.0.2:8080", 3: "[fd00::3]:8080"}
    return [
        {
            "__address__": addresses[pod],
            "__metrics_path__": "/metrics",
            "__scheme__": "http",
            "__scrape_interval__": "1m",
            "__scrape_timeout__": "10s",
            "instance": addresses[pod],
            "job": "pods",
            "namespace": "shop",
            "pod": f"web-{pod}",
            "service": "web",
            "zone": f"zone-{pod % 2}",
        }
        for pod in pods
    ]


@pytest.mark.parametrize(("services", "count"), CASES)
async def test_the_file(
    services: Sequence[Members], count: int, tmp_path: Path, program: Callable[[str], str]
) -> None:
    mount = Mount(tmp_path / "mount")
    mount.publish(FILE, services)
    found = await discovered(
        program("promtool"),
        tmp_path,
        f"file_sd_configs: [{{files: ['{mount.folder}/targets*.json']}}]",
        count,
    )

    kept = [{k: v for k, v in one.items() if not k.startswith("__meta")} for one in found]
    assert sorted(kept, key=lambda one: one["pod"]) == labels(*range(1, count + 1))


async def test_hostile_labels_are_labels(tmp_path: Path, program: Callable[[str], str]) -> None:
    mount = Mount(tmp_path / "mount")
    mount.publish(FILE, hostile())
    discovery = f"file_sd_configs: [{{files: ['{mount.folder}/*.json']}}]"
    count = len(NAMES) * len(VERSIONS)
    found = await discovered(program("promtool"), tmp_path, discovery, count, ("version", "zone"))

    for name in ("version", "zone"):
        assert Counter(each[name] for each in found) == dict.fromkeys(VERSIONS, len(NAMES))
    assert {each["service"] for each in found} == set(NAMES)


async def test_all_parts_are_read(tmp_path: Path, program: Callable[[str], str]) -> None:
    mount = Mount(tmp_path / "mount")
    mount.publish(FILE, [many(4_000)])
    assert len(list(mount.folder.glob("targets*.json"))) == 2
    found = await discovered(
        program("promtool"),
        tmp_path,
        f"file_sd_configs: [{{files: ['{mount.folder}/targets*.json']}}]",
        4_000,
    )

    assert len({one["pod"] for one in found}) == 4_000


@pytest.mark.parametrize(("services", "count"), CASES)
async def test_http(
    services: Sequence[Members], count: int, tmp_path: Path, program: Callable[[str], str]
) -> None:
    store = FileStore()
    store.put_file(FILE, services)
    app = web.Application()
    add_file_route(app, store, Bodies(HttpLimits()), Waits(HttpLimits()))
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1/files/shop/discovery"
        found = await discovered(program("promtool"), tmp_path, f"http_sd_configs: [{{url: '{url}'}}]", count)
    finally:
        await runner.cleanup()

    kept = [{k: v for k, v in one.items() if not k.startswith("__meta")} for one in found]
    assert sorted(kept, key=lambda one: one["pod"]) == labels(*range(1, count + 1))


async def test_a_canary_is_told_by_its_labels(tmp_path: Path, program: Callable[[str], str]) -> None:
    """Every instance is a target, with its version and its weight for whoever relabels by them."""
    sides = [msgspec.structs.replace(instance(n), version=version) for n, version in ((1, "v1"), (2, "v2"))]
    mount = Mount(tmp_path / "mount")
    mount.publish(FILE, [shared(members("web", *sides), 10)])
    discovery = f"file_sd_configs: [{{files: ['{mount.folder}/targets*.json']}}]"
    found = await discovered(program("promtool"), tmp_path, discovery, 2, ("version", "weight"))

    assert {one["pod"]: (one["version"], one["weight"]) for one in found} == {
        "web-1": ("v1", "51200"),
        "web-2": ("v2", "5689"),
    }
