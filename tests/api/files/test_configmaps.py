"""ConfigMaps on a real API server: made, kept, divided, and left alone where they aren't ours."""

from typing import Any

import pytest

from api.files.conftest import Publishing, running
from controlplane import programs
from rollcall.model import Key, Members
from rollcall.publish.file_store import FileStore
from rollcall.publish.files import FORMATS, render
from unit.publish.files.builders import EMPTY, WEB, file, instance, many, members
from waiting import until

HOSTS = file("hosts")


async def test_a_config_map_is_made_and_follows(publishing: Publishing) -> None:
    made = publishing.make(HOSTS)
    report = await publishing.published(made, WEB, EMPTY)

    written = publishing.read()
    assert written["data"] == {"file": render(made, [WEB, EMPTY], 0).text}
    assert written["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "rollcall"}
    assert written["metadata"]["annotations"]["rollcall.dev/file"] == str(made.key)
    (owner,) = written["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"], owner["controller"]) == (
        "DiscoveryFile",
        made.key.name,
        made.uid,
        True,
    )
    assert report.config_maps == ("web",)

    await publishing.published(made, members("web", instance(7)))
    assert "10.0.0.7" in publishing.read()["data"]["file"]
    assert publishing.read()["metadata"]["uid"] == written["metadata"]["uid"]


@pytest.mark.usefixtures("impatient")
async def test_what_is_equal_is_not_written(publishing: Publishing, monkeypatch: pytest.MonkeyPatch) -> None:
    made = publishing.make(HOSTS)
    await publishing.published(made, WEB)
    version = publishing.version()

    reads: list[str] = []
    get = publishing.client.get

    async def counted(path: str) -> Any:
        reads.append(path)
        return await get(path)

    monkeypatch.setattr(publishing.client, "get", counted)
    publishing.store.put_file(made, [EMPTY])
    publishing.store.put_file(made, [WEB])
    await until(lambda: len(reads) >= 3)  # it has looked several times, and found nothing to write
    assert publishing.version() == version

    async with running(Publishing(publishing.cluster, publishing.namespace, publishing.client)) as restarted:
        report = await restarted.published(made, WEB)
    assert publishing.version() == version
    assert report.written_at is None


@pytest.mark.parametrize("keys", [{"file": "theirs"}, {"other": "theirs"}, {}])
async def test_a_foreign_config_map_is_never_written(keys: dict[str, str], publishing: Publishing) -> None:
    publishing.cluster.client.create(publishing.path(), {"metadata": {"name": "web"}, "data": keys})
    version = publishing.version()
    made = publishing.make(HOSTS)
    publishing.store.put_file(made, [WEB])

    report = await publishing.report(made, lambda report: report.problem is not None)
    assert report.problem is not None
    assert report.problem.reason == "ConfigMapNotOurs"
    assert publishing.version() == version


async def test_a_foreign_config_map_is_taken_when_it_is_handed_over(publishing: Publishing) -> None:
    publishing.cluster.client.create(publishing.path(), {"metadata": {"name": "web"}, "data": {"a": "b"}})
    made = publishing.make(HOSTS)
    publishing.store.put_file(made, [WEB])
    report = await publishing.report(made, lambda report: report.problem is not None)

    assert report.problem is not None
    commands = report.problem.message.split("`")[1].split(" && ")
    for command in commands:
        kubectl, *arguments = command.split()
        assert kubectl == "kubectl"
        publishing.cluster.kubectl(*arguments)
    await publishing.report(made, lambda report: report.problem is None)
    assert list(publishing.read()["data"]) == ["file"]


async def test_two_files_that_name_one_config_map(publishing: Publishing) -> None:
    first = publishing.make(HOSTS)
    second = publishing.make(file("json", name="second", key="other.json"))
    await publishing.published(first, WEB)
    publishing.store.put_file(second, [WEB])

    report = await publishing.report(second, lambda report: report.problem is not None)
    assert report.problem is not None
    assert report.problem.reason == "ConfigMapTaken"
    assert str(first.key) in report.problem.message
    assert list(publishing.read()["data"]) == ["file"]


async def test_a_file_of_more_than_768_kib(publishing: Publishing) -> None:
    made = publishing.make(file("json", key="services.json"))
    services = [many(3_000, name=f"svc-{number}") for number in range(3)]
    report = await publishing.published(made, *services)

    assert report.config_maps == ("web", "web-2", "web-3")
    assert report.keys == ("services.json", "services.2.json", "services.3.json")
    rendering = render(made, services, 0)
    for part, name in zip(rendering.parts, report.config_maps, strict=True):
        assert publishing.read(name)["data"] == {part.key: part.text}
        assert publishing.read(name)["metadata"]["annotations"]["rollcall.dev/parts"] == "3"

    await publishing.published(made, WEB)
    await until(lambda: '"instances"' not in publishing.read("web-3")["data"]["services.3.json"])
    assert '"services":[' in publishing.read("web-2")["data"]["services.2.json"]
    assert "web-1" in publishing.read()["data"]["services.json"]

    await publishing.published(made, *services)
    assert publishing.read("web-3")["data"] == {"services.3.json": rendering.parts[2].text}


async def test_someone_else_writes_at_the_same_time(publishing: Publishing) -> None:
    made = publishing.make(HOSTS)
    await publishing.published(made, WEB)
    for number in range(3):
        publishing.cluster.client.patch(
            publishing.path("web"), {"metadata": {"labels": {"seen": str(number)}}}
        )
        await publishing.published(made, members("web", instance(number + 1)))

    assert publishing.read()["metadata"]["labels"]["seen"] == "2"
    assert "10.0.0.3" in publishing.read()["data"]["file"]


async def test_a_config_map_that_was_made_immutable(publishing: Publishing) -> None:
    made = publishing.make(HOSTS)
    await publishing.published(made, WEB)
    publishing.cluster.client.patch(publishing.path("web"), {"immutable": True})
    publishing.store.put_file(made, [EMPTY])

    report = await publishing.report(made, lambda report: report.problem is not None)
    assert report.problem is not None
    assert report.problem.reason == "ConfigMapRefused"
    assert "immutable" in report.problem.message


async def test_a_config_map_of_a_file_that_went_unseen_is_taken_over(
    publishing: Publishing,
) -> None:
    """Whether it went says the API server, which has not collected the ConfigMap."""
    await publishing.published(publishing.make(file("hosts", name="other")), WEB)
    heir = publishing.make(HOSTS)
    async with running(Publishing(publishing.cluster, publishing.namespace, publishing.client)) as before:
        before.store.put_file(heir, [EMPTY])
        report = await before.report(heir, lambda report: report.problem is not None)
        assert report.problem is not None
        assert report.problem.reason == "ConfigMapTaken"
    publishing.cluster.client.delete(publishing.files_path("other"))
    async with running(Publishing(publishing.cluster, publishing.namespace, publishing.client)) as after:
        await after.published(heir, EMPTY)
    assert publishing.read()["metadata"]["annotations"]["rollcall.dev/file"] == str(heir.key)


async def test_a_zone_file_keeps_its_serial_over_a_restart(publishing: Publishing) -> None:
    made = publishing.make(file("zonefile", key="db.example.org"))
    first = await publishing.published(made, WEB)
    version = publishing.version()

    again = Publishing(
        publishing.cluster, publishing.namespace, publishing.client, store=FileStore(unix_time=lambda: 5)
    )
    async with running(again):
        again.store.put_file(made, [WEB])
        same = await again.report(made, lambda report: report.digest != "")
        assert (same.serial, publishing.version()) == (first.serial, version)
        changed = await again.published(made, EMPTY)
    assert first.serial is not None
    assert changed.serial == first.serial + 1, "the clock is back, the serial isn't"


async def test_a_namespace_that_is_gone(publishing: Publishing) -> None:
    nowhere = file("hosts")
    nowhere = type(nowhere)(Key("no-such-namespace", "x"), "uid", 1, nowhere.spec)
    publishing.store.put_file(nowhere, [WEB])
    elsewhere = publishing.make(HOSTS)

    await publishing.published(elsewhere, WEB)
    report = await publishing.report(nowhere, lambda report: report.problem is not None)
    assert report.problem is not None
    assert report.problem.reason == "ConfigMapRefused"
    assert "no-such-namespace" in report.problem.message


@pytest.mark.parametrize("form", FORMATS)
async def test_every_format_is_accepted(form: str, publishing: Publishing) -> None:
    made = publishing.make(file(form))
    services: list[Members] = [WEB, EMPTY]
    await publishing.published(made, *services)

    assert publishing.read()["data"] == {
        part.key: part.text for part in (await publishing.store.current(made.key)).rendering.parts
    }


async def test_the_config_maps_go_with_the_file(publishing: Publishing) -> None:
    if programs.locate("kube-controller-manager") is None:
        pytest.skip("no kube-controller-manager: python -m controlplane fetch kube-controller-manager")
    made = publishing.make(file("json", key="services.json"))
    await publishing.published(made, *(many(3_000, name=f"svc-{number}") for number in range(2)))
    collector = publishing.cluster.start_controllers(["garbage-collector-controller"])
    try:
        publishing.store.remove_file(made.key)
        publishing.cluster.client.delete(publishing.files_path(made.key.name))
        await until(lambda: not publishing.exists("web") and not publishing.exists("web-2"))
    finally:
        collector.stop()
