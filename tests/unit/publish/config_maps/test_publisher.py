"""What is written into ConfigMaps, and what is not; in virtual time."""

import asyncio
import contextlib
import copy
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from rollcall.kube import (
    AlreadyExists,
    ApiError,
    Conflict,
    CredentialsError,
    Forbidden,
    Invalid,
    NotFound,
    ServerError,
    TooManyRequests,
    Unreachable,
)
from rollcall.model import Key, Problem
from rollcall.publish.config_maps import FilePublisher, FileReport
from rollcall.publish.file_store import FileStore
from rollcall.publish.files import render
from rollcall.watch import Change
from rollcall.watch.config_map import ConfigMapVersion
from unit.publish.config_maps.fake_api import FakeApi
from unit.publish.files.builders import EMPTY, WEB, file, instance, many, members
from waiting import until

pytestmark = pytest.mark.looptime

KEY = Key("shop", "discovery")
HOSTS = file("hosts")
SETTLED = 2.0
READ_BACK = 340.0


class Bench:
    """A publisher that runs beside a test."""

    def __init__(self) -> None:
        self.api = FakeApi()
        self.store = FileStore(unix_time=lambda: 1_000)
        self.reports: list[tuple[Key, FileReport]] = []
        self.publisher = FilePublisher(
            self.api, self.store, lambda *report: self.reports.append(report), unix_time=lambda: 42.0
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Bench"]:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.publisher.run())
            yield self
            task.cancel()

    def last(self, key: Key = KEY) -> FileReport:
        return [report for of, report in self.reports if of == key][-1]

    def reason(self, key: Key = KEY) -> str:
        problem = self.last(key).problem
        return problem.reason if problem else ""


def owned_by(made_for: str, **metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "labels": {"app.kubernetes.io/managed-by": "rollcall"},
            "annotations": {"rollcall.dev/file": made_for},
            **metadata,
        },
        "data": {"file": "theirs"},
    }


async def test_a_config_map_is_made() -> None:
    async with Bench().running() as bench:
        bench.store.put_file(HOSTS, [WEB, EMPTY])
        await asyncio.sleep(SETTLED)

    rendering = render(HOSTS, [WEB, EMPTY], 1_000)
    made = bench.api.objects["web"]
    assert made["data"] == {"file": rendering.text}
    assert made["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "rollcall"}
    assert made["metadata"]["annotations"] == {
        "rollcall.dev/file": "shop/discovery",
        "rollcall.dev/digest": rendering.digest,
        "rollcall.dev/generation": "1",
        "rollcall.dev/parts": "1",
    }
    assert made["metadata"]["ownerReferences"] == [
        {
            "apiVersion": "rollcall.dev/v1alpha1",
            "kind": "DiscoveryFile",
            "name": "discovery",
            "uid": "uid-discovery",
            "controller": True,
        }
    ]
    assert bench.reports == [
        (
            KEY,
            FileReport(
                generation=1,
                services=2,
                instances=3,
                bytes=len(rendering.text),
                config_maps=("web",),
                keys=("file",),
                digest=rendering.sha256,
                written_at=42.0,
            ),
        )
    ]


async def test_a_file_beyond_a_quota_keeps_its_config_map_and_is_let_alone_until_it_counts() -> None:
    beyond = Problem("QuotaExceeded", "There are older ones.")
    other = file("hosts", name="other", config_map="other")
    async with Bench().running() as bench:
        bench.store.put_file(HOSTS, [WEB])
        bench.store.put_file(other, [], beyond)
        await asyncio.sleep(SETTLED)
        written = bench.api.data("web")
        bench.store.put_file(HOSTS, [], beyond)
        await asyncio.sleep(SETTLED)
        requests = len(bench.api.calls)
        await asyncio.sleep(READ_BACK)

        assert (bench.reason(), bench.reason(other.key)) == ("QuotaExceeded", "QuotaExceeded")
        assert bench.api.data("web") == written
        assert list(bench.api.objects) == ["web"]
        assert len(bench.api.calls) == requests, "there is nothing to try"

        bench.store.put_file(HOSTS, [members("web", instance(7))])
        await asyncio.sleep(SETTLED)
        assert "10.0.0.7" in bench.api.data("web")["file"]
        assert bench.reason() == ""


async def test_changes_that_follow_one_another_are_one_write() -> None:
    async with Bench().running() as bench:
        for number in range(10):
            bench.store.put_file(HOSTS, [members("web", instance(number + 1))])
            await asyncio.sleep(0.04)
        await asyncio.sleep(SETTLED)

    assert bench.api.writes() == [("create", "web")]
    assert "10.0.0.10" in bench.api.data("web")["file"]


async def test_a_change_costs_one_request() -> None:
    async with Bench().running() as bench:
        bench.store.put_file(HOSTS, [WEB])
        await asyncio.sleep(SETTLED)
        bench.api.calls.clear()
        bench.store.put_file(HOSTS, [EMPTY])
        await asyncio.sleep(SETTLED)

    assert bench.api.calls == [("replace", "web")]


async def test_equal_bytes_are_not_written() -> None:
    async with Bench().running() as bench:
        bench.store.put_file(HOSTS, [WEB])
        await asyncio.sleep(SETTLED)
        bench.store.put_file(HOSTS, [EMPTY])
        bench.store.put_file(HOSTS, [WEB])
        await asyncio.sleep(SETTLED)

    assert bench.api.writes() == [("create", "web")]


async def test_nothing_is_written_of_a_file_that_nothing_is_known_of() -> None:
    before = FileStore()
    before.put_file(HOSTS, [WEB])
    async with Bench().running() as bench:
        bench.store.restore(await before.export())
        await asyncio.sleep(READ_BACK)

    assert bench.api.calls == []


async def test_a_restart_writes_nothing() -> None:
    async with Bench().running() as bench:
        bench.store.put_file(file("zonefile"), [WEB])
        await asyncio.sleep(SETTLED)
    bench.api.calls.clear()
    again = Bench()
    again.api, again.store = bench.api, FileStore(unix_time=lambda: 9_999)
    again.publisher = FilePublisher(again.api, again.store, lambda *report: again.reports.append(report))
    async with again.running():
        again.store.put_file(file("zonefile"), [WEB])
        await asyncio.sleep(SETTLED)

    assert again.api.writes() == []
    assert (again.last().serial, again.last().written_at) == (1_000, None)


@pytest.mark.parametrize(
    "edit",
    [
        lambda made: made["data"].update(file="edited"),
        lambda made: made["data"].update(another="key"),
        lambda made: made.update(binaryData={"more": "AAAA"}),
        lambda made: made["metadata"]["labels"].clear(),
        lambda made: made["metadata"]["annotations"].clear(),
        lambda made: made["metadata"]["annotations"].update({"rollcall.dev/parts": "7"}),
        lambda made: made["metadata"].update(ownerReferences=[]),
    ],
)
async def test_drift_is_repaired(edit: Any) -> None:
    async with Bench().running() as bench:
        bench.store.put_file(HOSTS, [WEB])
        await asyncio.sleep(SETTLED)
        right = copy.deepcopy(bench.api.objects["web"])
        edited = bench.api.objects["web"]
        edit(edited)
        bench.api.put("web", edited)
        await asyncio.sleep(READ_BACK)

    right["metadata"]["resourceVersion"] = bench.api.version("web")
    assert bench.api.objects["web"] == right
    assert bench.api.writes() == [("create", "web"), ("replace", "web")]


async def test_a_serial_that_somebody_gave_another_content_is_not_used_again() -> None:
    async with Bench().running() as bench:
        bench.store.put_file(file("zonefile"), [WEB])
        await asyncio.sleep(SETTLED)
        edited = bench.api.objects["web"]
        edited["metadata"]["annotations"]["rollcall.dev/digest"] = "another"
        bench.api.put("web", edited)
        await asyncio.sleep(READ_BACK)

    assert bench.last().serial == 1_001


async def test_a_deleted_config_map_comes_back() -> None:
    async with Bench().running() as bench:
        bench.store.put_file(HOSTS, [WEB])
        await asyncio.sleep(SETTLED)
        del bench.api.objects["web"]
        bench.store.put_file(HOSTS, [EMPTY])
        await asyncio.sleep(SETTLED)

    assert bench.api.writes() == [("create", "web"), ("replace", "web"), ("create", "web")]


async def test_what_others_added_to_the_metadata_stays() -> None:
    async with Bench().running() as bench:
        bench.store.put_file(HOSTS, [WEB])
        await asyncio.sleep(SETTLED)
        made = bench.api.objects["web"]
        made["metadata"]["labels"]["team"] = "blue"
        made["metadata"]["annotations"]["note"] = "hello"
        bench.api.put("web", made)
        bench.store.put_file(HOSTS, [EMPTY])
        await asyncio.sleep(SETTLED)

    assert bench.api.objects["web"]["metadata"]["labels"]["team"] == "blue"
    assert bench.api.annotations("web")["note"] == "hello"
    assert bench.api.writes()[-2:] == [("replace", "web")] * 2, "the first met a conflict"


def seen(name: str, old: tuple[str, str] | None, new: tuple[str, str] | None) -> Change[ConfigMapVersion]:
    """Make what a watch tells of a ConfigMap; states are uid and resourceVersion."""
    key = Key("shop", name)
    states = (None if state is None else ConfigMapVersion(key, *state) for state in (old, new))
    return Change(key, *states)


async def test_an_edit_that_is_seen_is_undone_soon() -> None:
    async with Bench().running() as bench:
        bench.store.put_file(HOSTS, [WEB])
        await asyncio.sleep(SETTLED)
        right = dict(bench.api.data("web"))
        edited = bench.api.objects["web"] | {"data": {"file": "edited"}}
        bench.api.put("web", edited)
        bench.publisher.on_config_map(seen("web", ("", "1"), ("", "2")))
        await asyncio.sleep(SETTLED)
        assert bench.api.data("web") == right
        assert bench.api.writes() == [("create", "web"), ("replace", "web")]


async def test_one_that_is_seen_to_go_is_told_and_made_anew() -> None:
    async with Bench().running() as bench:
        bench.store.put_file(HOSTS, [WEB])
        await asyncio.sleep(SETTLED)
        before = bench.last()
        del bench.api.objects["web"]
        bench.publisher.on_config_map(seen("web", ("", "1"), None))
        assert bench.reason() == "ConfigMapGone"
        assert bench.last().config_maps == ()
        await asyncio.sleep(SETTLED)
        assert bench.last() == before
        assert bench.api.writes() == [("create", "web")] * 2


async def test_one_without_any_of_its_marks_is_ours_still() -> None:
    """As `kubectl replace` leaves it, with a manifest that has none."""
    async with Bench().running() as bench:
        bench.store.put_file(HOSTS, [WEB])
        await asyncio.sleep(SETTLED)
        right = bench.api.objects["web"]
        bench.api.put("web", {"metadata": {}, "data": {"file": "hacked"}})
        bench.publisher.on_config_map(seen("web", ("", "1"), None))
        await asyncio.sleep(SETTLED)
        assert bench.api.data("web") == right["data"]
        for field in ("labels", "annotations", "ownerReferences"):
            assert bench.api.objects["web"]["metadata"][field] == right["metadata"][field]
        assert bench.reason() == ""


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [({"uid": "another"}, "ConfigMapNotOurs"), (owned_by("shop/other")["metadata"], "ConfigMapTaken")],
)
async def test_what_others_make_in_its_place_is_theirs(metadata: dict[str, Any], reason: str) -> None:
    async with Bench().running() as bench:
        bench.api.files.add("other")
        bench.store.put_file(HOSTS, [WEB])
        await asyncio.sleep(SETTLED)
        bench.api.put("web", {"metadata": metadata, "data": {"file": "theirs"}})
        bench.publisher.on_config_map(seen("web", ("", "1"), None))
        await asyncio.sleep(SETTLED)
        assert bench.reason() == reason
        assert bench.api.data("web") == {"file": "theirs"}


async def test_one_that_goes_before_its_making_was_answered_is_made_anew() -> None:
    async with Bench().running() as bench:
        bench.api.delay_seconds = 0.5
        bench.store.put_file(HOSTS, [WEB])
        await until(lambda: ("create", "web") in bench.api.calls)
        await asyncio.sleep(0.4)  # it is made when the delay is over
        put = bench.api.put

        def made_and_gone(name: str, body: dict[str, Any]) -> Any:
            made = put(name, body)
            bench.api.put = put  # type: ignore[method-assign]
            del bench.api.objects[name]
            version = made["metadata"]["resourceVersion"]
            bench.publisher.on_config_map(seen(name, None, ("", version)))
            bench.publisher.on_config_map(seen(name, ("", version), None))
            return made

        bench.api.put = made_and_gone  # type: ignore[method-assign]
        await asyncio.sleep(5)
        assert "web" in bench.api.objects
        assert bench.reason() == ""


async def test_the_echo_of_a_write_costs_no_request() -> None:
    async with Bench().running() as bench:
        bench.store.put_file(HOSTS, [WEB])
        await asyncio.sleep(SETTLED)
        bench.store.put_file(HOSTS, [EMPTY])
        await asyncio.sleep(SETTLED)
        bench.api.calls.clear()
        for echo in (
            seen("web", None, ("", "1")),
            seen("web", ("", "1"), ("", "2")),
            seen("web", ("another", "1"), None),
            seen("elsewhere", None, ("", "9")),
        ):
            bench.publisher.on_config_map(echo)
        await asyncio.sleep(SETTLED)
        assert bench.api.calls == []
        assert bench.reason() == ""


async def test_one_that_is_handed_over_is_taken_at_once() -> None:
    async with Bench().running() as bench:
        bench.api.put("web", {"metadata": {}, "data": {}})
        bench.store.put_file(HOSTS, [WEB])
        await asyncio.sleep(20)  # the waits between two tries are long by now
        assert bench.reason() == "ConfigMapNotOurs"
        bench.api.put("web", owned_by("shop/discovery"))
        bench.publisher.on_config_map(seen("web", None, ("", "2")))
        await asyncio.sleep(SETTLED)
        assert bench.reason() == ""


async def test_what_is_seen_of_a_file_that_is_gone_is_nothing() -> None:
    async with Bench().running() as bench:
        bench.store.put_file(HOSTS, [WEB])
        await asyncio.sleep(SETTLED)
        bench.store.remove_file(KEY)
        await asyncio.sleep(SETTLED)
        del bench.api.objects["web"]
        bench.publisher.on_config_map(seen("web", ("", "1"), None))
        await asyncio.sleep(SETTLED)
        assert bench.api.writes() == [("create", "web")]


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({}, "ConfigMapNotOurs"),
        ({"labels": {"app.kubernetes.io/managed-by": "helm"}}, "ConfigMapNotOurs"),
        ({"labels": {"app.kubernetes.io/managed-by": "rollcall"}}, "ConfigMapNotOurs"),
        ({"annotations": {"rollcall.dev/file": "shop/discovery"}}, "ConfigMapNotOurs"),
        (owned_by("shop/other")["metadata"], "ConfigMapTaken"),
        (owned_by("shop/discovery")["metadata"], ""),
    ],
)
async def test_a_config_map_that_is_not_ours_is_not_touched(metadata: dict[str, Any], reason: str) -> None:
    async with Bench().running() as bench:
        bench.api.files.add("other")
        bench.api.put("web", {"metadata": metadata, "data": {"file": "theirs"}})
        bench.store.put_file(HOSTS, [WEB])
        await asyncio.sleep(READ_BACK)

        assert bench.reason() == reason
        assert (bench.api.data("web")["file"] == "theirs") is bool(reason)
        assert bool(bench.api.writes()) is not bool(reason)
        if reason:
            problem = bench.last().problem
            assert problem is not None
            assert "spec.configMap.name" in problem.message

        if not reason:
            return
        del bench.api.objects["web"]
        await asyncio.sleep(30)
        assert bench.reason() == "", "it is looked at again"


async def test_the_first_owner_of_a_config_map_keeps_it() -> None:
    other = file("json", name="other", key="other.json")
    async with Bench().running() as bench:
        bench.api.files |= {"discovery", "other"}
        bench.store.put_file(HOSTS, [WEB])
        await asyncio.sleep(SETTLED)
        bench.store.put_file(other, [WEB])
        await asyncio.sleep(SETTLED)
        assert (bench.reason(), bench.reason(other.key)) == ("", "ConfigMapTaken")
        assert list(bench.api.data("web")) == ["file"]

        bench.store.remove_file(KEY)
        await asyncio.sleep(30)
        assert bench.reason(other.key) == ""
        assert list(bench.api.data("web")) == ["other.json"]
        assert [o["uid"] for o in bench.api.objects["web"]["metadata"]["ownerReferences"]] == ["uid-other"]


OF_ONE_THAT_WENT = {
    "apiVersion": "rollcall.dev/v1alpha1",
    "kind": "DiscoveryFile",
    "name": "other",
    "uid": "uid-other",
    "controller": True,
}


@pytest.mark.parametrize("references", [[], [OF_ONE_THAT_WENT]], ids=["orphaned", "not-collected-yet"])
async def test_a_config_map_of_a_file_that_went_while_nobody_saw_is_taken_over(
    references: list[dict[str, Any]],
) -> None:
    async with Bench().running() as bench:
        bench.api.put("web", owned_by("shop/other", ownerReferences=references))
        bench.store.put_file(HOSTS, [WEB])
        await asyncio.sleep(SETTLED)
        assert bench.reason() == ""
    assert bench.api.annotations("web")["rollcall.dev/file"] == "shop/discovery"
    assert [o["uid"] for o in bench.api.objects["web"]["metadata"]["ownerReferences"]] == ["uid-discovery"]


@pytest.mark.parametrize("mark", ["shop/broken", "elsewhere/other", "shop/..", "shop/a,b", "shop/", "/other"])
async def test_a_config_map_is_not_taken_from_a_file_of_which_nothing_is_known(mark: str) -> None:
    """It is there, and only its spec can't be read; or it can't be told whether it is."""
    async with Bench().running() as bench:
        bench.api.files.add("broken")
        bench.api.put("web", owned_by(mark))
        bench.store.put_file(HOSTS, [WEB])
        await asyncio.sleep(60)
        assert bench.reason() == "ConfigMapTaken"
        assert bench.api.writes() == []


async def test_a_config_map_is_not_taken_on_the_word_of_what_is_no_list() -> None:
    async with Bench().running() as bench:
        bench.api.listed_as = "Status"
        bench.api.put("web", owned_by("shop/other"))
        bench.store.put_file(HOSTS, [WEB])
        await asyncio.sleep(60)
        assert bench.reason() == "ConfigMapTaken"
        bench.api.listed_as = "DiscoveryFileList"
        await asyncio.sleep(35)
        assert bench.reason() == "", "it is looked at again"


async def test_a_config_map_with_an_owner_that_is_there_is_not_taken() -> None:
    async with Bench().running() as bench:
        bench.api.files.add("other")
        bench.api.put("web", owned_by("shop/renamed", ownerReferences=[OF_ONE_THAT_WENT]))
        bench.store.put_file(HOSTS, [WEB])
        await asyncio.sleep(60)
        assert bench.reason() == "ConfigMapTaken"


async def test_a_file_made_anew_takes_its_config_map_over() -> None:
    async with Bench().running() as bench:
        bench.store.put_file(HOSTS, [WEB])
        await asyncio.sleep(SETTLED)
        bench.store.remove_file(KEY)
        bench.store.put_file(file("hosts", uid="new"), [WEB])
        await asyncio.sleep(SETTLED)

    assert [o["uid"] for o in bench.api.objects["web"]["metadata"]["ownerReferences"]] == ["new"]


async def test_a_large_file_has_config_maps_that_grow_and_empty() -> None:
    large = many(12_000)
    async with Bench().running() as bench:
        bench.store.put_file(HOSTS, [large])
        await until(lambda: bench.reports, seconds=300)
        names = bench.last().config_maps
        assert names == ("web", "web-2")
        assert bench.api.writes() == [("create", "web-2"), ("create", "web")]
        assert bench.api.annotations("web")["rollcall.dev/parts"] == "2"
        lines = [*bench.api.data("web")["file"].splitlines(), *bench.api.data("web-2")["file.2"].splitlines()]
        assert len([line for line in lines if not line.startswith("#")]) == 24_000

        bench.api.calls.clear()
        bench.store.put_file(HOSTS, [WEB])
        await asyncio.sleep(SETTLED)
        assert bench.api.calls == [("replace", "web"), ("replace", "web-2")]
        assert all(line.startswith("#") for line in bench.api.data("web-2")["file.2"].splitlines())
        assert bench.last().config_maps == ("web",)

        bench.api.calls.clear()
        await asyncio.sleep(READ_BACK)
        assert bench.api.writes() == []


async def test_parts_left_by_a_crash_are_emptied() -> None:
    async with Bench().running() as bench:
        for number in (2, 3):
            bench.api.put(f"web-{number}", owned_by("shop/discovery"))
        bench.store.put_file(HOSTS, [WEB])
        await asyncio.sleep(SETTLED)

    assert [list(bench.api.data(f"web-{number}")) for number in (2, 3)] == [["file.2"], ["file.3"]]


async def test_a_foreign_config_map_in_the_way_of_a_part_stops_all_parts() -> None:
    async with Bench().running() as bench:
        bench.store.put_file(HOSTS, [WEB])
        await asyncio.sleep(SETTLED)
        before = bench.api.data("web")
        bench.api.put("web-2", {"metadata": {}, "data": {}})
        bench.store.put_file(HOSTS, [many(12_000)])
        await until(lambda: bench.reason() != "", seconds=300)

        assert bench.reason() == "ConfigMapNotOurs"
        assert bench.api.data("web") == before


async def test_a_format_of_another_version_is_reported() -> None:
    async with Bench().running() as bench:
        bench.store.put_file(file("unheard-of"), [WEB])
        await asyncio.sleep(SETTLED)

    assert bench.reason() == "UnknownFormat"
    assert bench.api.calls == []


async def test_a_service_that_does_not_fit_keeps_the_last_good() -> None:
    nginx = file("nginx")
    async with Bench().running() as bench:
        bench.store.put_file(nginx, [WEB])
        await asyncio.sleep(SETTLED)
        before = bench.last()
        bench.store.put_file(nginx, [many(20_000)])
        await until(lambda: bench.reason() != "", seconds=300)

        assert bench.reason() == "ServiceTooLarge"
        assert msgspec.structs.replace(bench.last(), problem=None) == before
        assert "10.0.0.1:8080" in bench.api.data("web")["upstreams.conf"]


async def test_a_zone_file_takes_up_the_published_serial() -> None:
    zone = file("zonefile")
    async with Bench().running() as bench:
        published = owned_by("shop/discovery")
        published["metadata"]["annotations"] |= {"rollcall.dev/serial": "5000", "rollcall.dev/digest": "old"}
        bench.api.put("web", published)
        bench.store.put_file(zone, [WEB])
        await asyncio.sleep(SETTLED)

    assert bench.last().serial == 5_001
    assert " 5001 " in bench.api.data("web")["file"]


@pytest.mark.parametrize("nonsense", ["", "-1", "99999999999", "4294967296", "x", "1.5"])
async def test_a_published_serial_that_is_none_is_ignored(nonsense: str) -> None:
    async with Bench().running() as bench:
        published = owned_by("shop/discovery")
        published["metadata"]["annotations"]["rollcall.dev/serial"] = nonsense
        bench.api.put("web", published)
        bench.store.put_file(file("zonefile"), [WEB])
        await asyncio.sleep(SETTLED)

    assert bench.last().serial == 1_000


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Forbidden("POST", 403, "Forbidden", "configmaps is forbidden"), "Forbidden"),
        (Invalid("POST", 422, "Invalid", "metadata.name: Invalid"), "ConfigMapRefused"),
        (ApiError("POST", 413, "RequestEntityTooLarge", "too large"), "ConfigMapRefused"),
        (NotFound("POST", 404, "NotFound", 'namespaces "shop" not found'), "ConfigMapRefused"),
        (Conflict("POST", 409, "Conflict", "conflict"), "ConfigMapConflict"),
        (AlreadyExists("POST", 409, "AlreadyExists", "it is there"), "ConfigMapConflict"),
        (ServerError("POST", 503, "ServiceUnavailable", "etcd is gone"), "ApiUnreachable"),
        (TooManyRequests("POST", 429, "TooManyRequests", "slow down"), "ApiUnreachable"),
        (Unreachable("POST: reset"), "ApiUnreachable"),
        (CredentialsError("no kubeconfig"), "ApiUnreachable"),
        (AssertionError("a mistake of ours"), "ApiUnreachable"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
async def test_a_refusal_is_reported_and_tried_again(
    error: Exception, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with Bench().running() as bench:
        bench.api.refuse["create"] = error
        bench.store.put_file(HOSTS, [WEB])
        await asyncio.sleep(120)
        assert bench.reason() == reason
        assert len(bench.reports) == 1, "one report, however many tries"
        tries = len(bench.api.writes())
        outage = isinstance(error, Unreachable | CredentialsError | TooManyRequests)
        again_at_once = isinstance(error, Conflict | AlreadyExists | NotFound)
        assert 4 <= tries <= (36 if again_at_once else 22 if outage else 12)
        is_of_all = outage and not isinstance(error, Unreachable)  # one alone is no outage
        of = "waiting for the API server" if is_of_all else "shop/discovery"
        assert all(of in record.getMessage() for record in caplog.records)

        del bench.api.refuse["create"]
        await asyncio.sleep(30)
        assert bench.reason() == ""
        assert "web" in bench.api.objects


async def test_a_call_without_end_is_given_up() -> None:
    async with Bench().running() as bench:
        bench.api.delay_seconds = 1e6
        bench.store.put_file(HOSTS, [WEB])
        await asyncio.sleep(40)
        assert bench.reason() == "ApiUnreachable"


async def test_a_new_spec_is_tried_at_once() -> None:
    async with Bench().running() as bench:
        bench.api.refuse["create"] = Invalid("POST", 422, "Invalid", "no")
        bench.store.put_file(HOSTS, [WEB])
        await asyncio.sleep(200)
        del bench.api.refuse["create"]
        bench.store.put_file(HOSTS, [EMPTY])
        bench.store.put_file(file("hosts", generation=2), [EMPTY])
        await asyncio.sleep(1)

    assert "web" in bench.api.objects
    assert bench.last().generation == 2


async def test_a_file_made_anew_is_tried_at_once() -> None:
    async with Bench().running() as bench:
        bench.api.refuse["create"] = Invalid("POST", 422, "Invalid", "no")
        bench.store.put_file(HOSTS, [WEB])
        await asyncio.sleep(200)
        bench.store.remove_file(KEY)
        await asyncio.sleep(0.1)
        del bench.api.refuse["create"]
        bench.store.put_file(file("hosts", uid="new"), [WEB])
        await asyncio.sleep(1)

    assert "web" in bench.api.objects


async def test_one_broken_file_delays_no_other() -> None:
    class Stuck(FakeApi):
        async def get(self, path: str) -> Any:
            if path.endswith("/stuck"):
                await asyncio.sleep(1e6)
            return await super().get(path)

    async with Bench().running() as bench:
        bench.publisher = FilePublisher(
            api := Stuck(), bench.store, lambda *report: bench.reports.append(report)
        )
        task = asyncio.ensure_future(bench.publisher.run())
        bench.store.put_file(file("hosts", name="stuck", config_map="stuck"), [WEB])
        bench.store.put_file(file("hosts", name="fine", config_map="fine"), [WEB])
        await asyncio.sleep(1)
        task.cancel()

    assert "fine" in api.objects


async def test_a_file_has_one_request_in_flight_at_most() -> None:
    async with Bench().running() as bench:
        bench.api.delay_seconds = 0.7
        for number in range(50):
            bench.store.put_file(HOSTS, [members("web", instance(number + 1))])
            await asyncio.sleep(0.1)

    assert bench.api.most_in_flight == 1
    assert len(bench.api.writes()) > 2


async def test_a_removed_file_is_left_alone() -> None:
    async with Bench().running() as bench:
        bench.store.put_file(HOSTS, [WEB])
        await asyncio.sleep(SETTLED)
        bench.store.remove_file(KEY)
        bench.api.calls.clear()
        await asyncio.sleep(READ_BACK)

    assert bench.api.calls == []
    assert "web" in bench.api.objects, "the garbage collector's business, by the owner reference"


async def test_a_publisher_can_run_again() -> None:
    bench = Bench()
    async with bench.running():
        bench.store.put_file(HOSTS, [WEB])
        await asyncio.sleep(SETTLED)
    bench.store.put_file(HOSTS, [EMPTY])
    async with bench.running():
        await asyncio.sleep(SETTLED)

    assert bench.api.writes() == [("create", "web"), ("replace", "web")]
