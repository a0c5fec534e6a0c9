"""`rollcall watch`: changes as lines, as JSON, and as a live table."""

import asyncio
import io
import json
import signal
from copy import deepcopy
from typing import Any

import pytest
from rich.console import Console

from rollcall.cli import watch as module
from rollcall.cli.output import Printer
from rollcall.cli.stream import ServiceStream
from rollcall.kube import Forbidden, Unreachable
from rollcall.model import Key
from unit.cli.canned import GROUP, CannedApi
from unit.cli.conftest import Ended, Rollcall
from unit.cli.shop import API, WEB, Json, service


def event(kind: str, obj: Json, version: int = 8, **status: Any) -> bytes:
    changed = deepcopy(obj)
    changed["metadata"] |= {"resourceVersion": str(version)}
    changed["status"] |= status
    return json.dumps({"type": kind, "object": changed}).encode()


@pytest.fixture
def changes(api: CannedApi) -> CannedApi:
    """Make the canned cluster one where things happen after the first list."""
    api.lines = [
        [event("MODIFIED", WEB, 8, ready="4/5")],
        [event("MODIFIED", WEB, 9, ready="4/5"), event("DELETED", API, 10)],
    ]
    return api


@pytest.fixture
def rollcall_watch(rollcall: Rollcall, monkeypatch: pytest.MonkeyPatch) -> Rollcall:
    """Return a function that watches until as many changes were told, then presses Ctrl-C."""

    def run(told: int, *arguments: str) -> Ended:
        left = told
        read = ServiceStream.changes_within

        async def changes_within(stream: ServiceStream, seconds: float) -> list[tuple[str, Any]]:
            nonlocal left
            if left <= 0:
                signal.raise_signal(signal.SIGINT)
                await asyncio.sleep(5.0)
            found = await read(stream, 5.0)
            left -= len(found)
            return found

        monkeypatch.setattr(ServiceStream, "changes_within", changes_within)
        return rollcall("watch", *arguments)

    return run


def test_lines_in_a_pipe(changes: CannedApi, rollcall_watch: Rollcall) -> None:
    ended = rollcall_watch(4)
    assert (ended.code, ended.stderr) == (0, "")
    assert [line.split("  ", 1)[1] for line in ended.stdout.splitlines()] == [
        "ADDED  shop/web  3/5  Published  1 NotReady, 1 Deleting",
        "ADDED  shop/api  0/1  NoEligibleInstances  1 Pending",
        "MODIFIED  shop/web  4/5  Published  1 NotReady, 1 Deleting",
        "DELETED  shop/api  0/1  NoEligibleInstances  1 Pending",
    ]


def test_json_is_a_line_a_change(changes: CannedApi, rollcall_watch: Rollcall) -> None:
    """The second MODIFIED of web changed nothing that is shown."""
    ended = rollcall_watch(6, "-A", "-o", "json")
    assert ended.code == 0
    told = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [(each["type"], each["service"]["name"], each["service"]["ready"]) for each in told] == [
        ("ADDED", "web", "3/5"),
        ("ADDED", "api", "0/1"),
        ("ADDED", "web", "0/0"),
        ("ADDED", "new", ""),
        ("MODIFIED", "web", "4/5"),
        ("DELETED", "api", "0/1"),
    ]
    assert len(told[0]["service"]["instances"]) == 5


def test_only_some_services(changes: CannedApi, rollcall_watch: Rollcall) -> None:
    ended = rollcall_watch(2, "web", "-o", "json")
    told = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [each["service"]["ready"] for each in told] == ["3/5", "4/5"]


def test_services_of_two_namespaces(changes: CannedApi, rollcall_watch: Rollcall) -> None:
    ended = rollcall_watch(3, "shop/web", "test/web")
    assert sorted({line.split("  ")[2] for line in ended.stdout.splitlines()}) == ["shop/web", "test/web"]


def test_what_can_not_be_listed_is_said_at_once(api: CannedApi, rollcall: Rollcall) -> None:
    path = f"{GROUP}/namespaces/shop/serviceinstances"
    api.answers[path] = Forbidden("GET /x", 403, "Forbidden", "ann may not list")
    ended = rollcall("watch")
    assert (ended.code, ended.stdout) == (1, "")
    assert "ann may not list" in ended.stderr


async def test_trouble_is_told_once(api: CannedApi, capsys: pytest.CaptureFixture[str]) -> None:
    troubles = ["GET /x: refused", "GET /x: refused", "", ""]

    class Troubled(ServiceStream):
        async def changes_within(self, seconds: float) -> list[tuple[str, Any]]:
            if not troubles:
                raise _SeenEnough
            return []

        @property
        def trouble(self) -> str:
            return troubles.pop(0)

    with pytest.raises(_SeenEnough):
        await module._write(Troubled(api, None), None)
    assert capsys.readouterr().err.splitlines() == ["Trying again: GET /x: refused", "Works again."]


@pytest.mark.parametrize("arguments", [("-A", "-n", "shop"), ("web", "-A")])
def test_what_excludes_each_other(api: CannedApi, rollcall: Rollcall, arguments: tuple[str, ...]) -> None:
    ended = rollcall("watch", *arguments)
    assert ended.code == 2
    assert "-A excludes -n and SERVICE" in ended.stderr


async def screen(api: CannedApi, *wanted: Key, height: int = 20) -> str:
    """Return what a live table shows after the first list."""
    stream = ServiceStream(api, None, wanted)
    console = Console(file=io.StringIO(), force_terminal=True, width=120, height=height, color_system=None)
    printer = Printer(color=False)
    printer.console = console
    services = sum(obj["kind"] == "ServiceInstance" for obj in api.objects) if not wanted else 1
    shown = ""

    async def follow() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(stream.run())
            while len(stream.services()) < services:  # they come in pages
                assert await stream.changes_within(5.0)
            nonlocal shown
            with console.capture() as capture:
                console.print(module._picture(stream, height))
            shown = capture.get()
            raise _SeenEnough

    with pytest.raises(ExceptionGroup) as ended:
        await follow()
    assert ended.group_contains(_SeenEnough)
    return shown


class _SeenEnough(Exception):
    pass


async def test_the_live_table(api: CannedApi) -> None:
    lines = [line.rstrip() for line in (await screen(api)).splitlines()]
    assert lines[0].startswith("NAMESPACE   SERVICE   DNS NAME")
    assert [line.split()[:2] for line in lines[1:5]] == [
        ["shop", "api"],
        ["shop", "web"],
        ["test", "new"],
        ["test", "web"],
    ]
    assert lines[-1] == "Ctrl-C ends this."


async def test_the_live_table_of_some_services(api: CannedApi) -> None:
    shown = await screen(api, Key("shop", "web"), Key("shop", "nope"))
    assert "shop/web: 3 of 5 instances answered" in shown
    assert "NotReady: containers with" in shown
    assert "shop/nope: no such ServiceInstance yet" in shown


async def test_a_small_screen_shows_what_changed_last(api: CannedApi) -> None:
    times = {f"web-{n}": f"2026-01-01T12:00:{n:02}Z" for n in range(30)}
    api.objects = [service(name, {"lastChangeTime": time}) for name, time in times.items()]
    shown = await screen(api, height=8)
    assert "web-29" in shown
    assert "web-2 " not in shown
    assert "and 26 more, whose last change is longer ago" in shown


async def test_the_live_table_says_what_is_wrong(api: CannedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        ServiceStream, "trouble", property(lambda stream: str(Unreachable("GET /x: refused")))
    )
    assert "Trying again: GET /x: refused" in await screen(api)
