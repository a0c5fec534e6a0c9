"""The status of a ServiceInstance: every state of a service, as a user reads it."""

from typing import Any

import msgspec
import pytest

from rollcall.model import (
    BlueGreen,
    Canary,
    Drain,
    FlatName,
    Key,
    Naming,
    Pod,
    Reason,
    Release,
    ReleaseStatus,
    ServicePort,
)
from rollcall.status.service_status import MAX_BYTES, MAX_INSTANCES
from unit.status.cluster import KEY, START, World, condition, events, states
from unit.world import pod, resource, service, zone

AVAILABLE = ("True", "EndpointsAvailable")


def world(*objects: Any, **spec: Any) -> World:
    return World(zone(), service(), resource(**spec), *objects)


def test_a_service_as_it_should_be() -> None:
    status = world(pod("web-0", "10.0.0.1"), pod("web-1", "10.0.0.2"), generation=3).service()
    assert {name: value for name, value in status.items() if name not in ("instances", "conditions")} == {
        "observedGeneration": 3,
        "dnsName": "web.shop.example.com",
        "ready": "2/2",
        "targets": "1/1",
        "reason": "Published",
        "counts": {"total": 2, "live": 2, "ready": 2, "eligible": 2},
        "release": {"versions": []},
        "truncated": False,
        "lastChangeTime": "2027-01-15T08:00:00Z",
        "publications": [
            {
                "zone": "main",
                "target": "serve",
                "dnsName": "web.shop.example.com",
                "serial": START,
                "time": "2027-01-15T08:00:00Z",
            }
        ],
    }
    assert states(status) == {"Ready": ("True", "Published"), "EndpointsAvailable": AVAILABLE}
    assert all(each["observedGeneration"] == 3 for each in status["conditions"])


def test_an_instance_in_full() -> None:
    full = pod(
        "web-0",
        addresses=("10.0.0.1", "fd00::1"),
        node="node-1",
        weight="7",
        labels={"app": "web", "topology.kubernetes.io/zone": "a", "app.kubernetes.io/version": "1.2"},
    )
    (instance,) = world(full).service()["instances"]
    assert instance == {
        "pod": "web-0",
        "name": "10-0-0-1",
        "addresses": ["10.0.0.1", "fd00::1"],
        "ports": [{"name": "http", "protocol": "TCP", "port": 8080}],
        "node": "node-1",
        "zone": "a",
        "version": "1.2",
        "weight": 7,
        "live": True,
        "ready": True,
        "eligible": True,
    }


def test_an_instance_with_next_to_nothing() -> None:
    (instance,) = world(pod("web-0", "", phase="Pending", ready=None, ports=())).service()["instances"]
    assert instance == {
        "pod": "web-0",
        "weight": 100,
        "live": False,
        "ready": False,
        "eligible": False,
        "reason": "Pending",
        "message": "The pod has not started yet.",
    }


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"deleting": True}, Reason.DELETING),
        ({"ready": False, "ready_message": "containers with unready status: [web]"}, Reason.NOT_READY),
        ({"addresses": ("010.0.0.3",)}, Reason.INVALID_ADDRESS),
        ({"ready": None}, Reason.READY_MISSING),
    ],
)
def test_what_is_left_out_says_why(fields: dict[str, Any], reason: Reason) -> None:
    status = world(pod("web-0"), pod("web-1", "10.0.0.2", **fields)).service()
    answered, left_out = status["instances"]
    assert (left_out["pod"], left_out["reason"], left_out["eligible"]) == ("web-1", reason, False)
    assert left_out["message"]
    assert "reason" not in answered
    assert status["ready"] == "1/2"
    assert states(status)["EndpointsAvailable"] == AVAILABLE


def test_no_eligible_instance_is_no_broken_resource() -> None:
    status = world(pod("web-0", ready=False), pod("web-1", "10.0.0.2", deleting=True)).service()
    assert states(status) == {
        "Ready": ("True", "Published"),
        "EndpointsAvailable": ("False", "NoEligibleInstances"),
    }
    assert status["reason"] == "NoEligibleInstances"
    assert condition(status, "EndpointsAvailable") == {
        "type": "EndpointsAvailable",
        "status": "False",
        "observedGeneration": 1,
        "lastTransitionTime": "2027-01-15T08:00:00Z",
        "reason": "NoEligibleInstances",
        "message": "0 of 2 instances are answered: 1 Deleting, 1 NotReady. See status.instances.",
    }
    assert "lastChangeTime" not in status


def test_no_pods() -> None:
    status = world().service()
    assert states(status)["EndpointsAvailable"] == ("False", "NoPods")
    assert states(status)["Ready"] == ("True", "Published")
    assert (status["reason"], status["ready"], status["targets"]) == ("NoPods", "0/0", "1/1")


@pytest.mark.parametrize(
    ("objects", "reason"),
    [
        ((resource(),), "ServiceNotFound"),
        ((resource(), service(selector=None)), "NoSelector"),
        ((resource(), service(type="ExternalName", selector=None)), "ExternalName"),
    ],
)
def test_a_service_without_instances_of_its_own(objects: tuple[Any, ...], reason: str) -> None:
    status = World(zone(), *objects).service()
    assert states(status) == {
        "Ready": ("False", reason),
        "Stalled": ("True", reason),
        "EndpointsAvailable": ("False", reason),
    }
    assert (status["reason"], status["targets"]) == (reason, "0/1")
    assert "dnsName" not in status
    assert status["publications"] == []


def test_no_zone_selects_it() -> None:
    status = World(service(), resource(), pod()).service()
    assert states(status)["Ready"] == ("True", "NoZone")
    assert status["targets"] == "0/0"


def test_none_of_its_own_zones_selects_it() -> None:
    made = World(zone("other", namespaces=("elsewhere",)), service(), resource(zones=("other",)))
    ready = condition(made.service(), "Ready")
    assert ready is not None
    assert (ready["status"], ready["reason"]) == ("True", "NoZone")
    assert "spec.zones" in ready["message"]


def test_it_names_a_zone_that_is_not_there() -> None:
    status = world(pod(), zones=("main", "mian")).service()
    assert states(status)["Stalled"] == ("True", "ZoneNotFound")
    assert "mian" in status["conditions"][0]["message"]
    assert (status["targets"], status["dnsName"]) == ("1/1", "web.shop.example.com")


def test_an_invalid_name_in_one_of_two_zones() -> None:
    long = ".".join(["x" * 60] * 3)
    status = World(zone(), zone("deep", long), service(), resource(), pod()).service()
    assert states(status) == {
        "Ready": ("False", "InvalidName"),
        "Stalled": ("True", "InvalidName"),
        "EndpointsAvailable": AVAILABLE,
    }
    assert (status["targets"], status["reason"]) == ("1/2", "InvalidName")
    assert [publication["zone"] for publication in status["publications"]] == ["main"]


def test_a_name_that_another_namespace_has() -> None:
    flat = zone(naming=Naming.FLAT, flat_names=(FlatName("web", "bank"),))
    made = World(flat, service(namespace="bank"), service(), resource(), pod())
    assert states(made.service())["Stalled"] == ("True", "NameNotGranted")


def test_a_part_that_is_withheld_is_told_without_stalling() -> None:
    versions = [
        pod(f"web-{i}", f"10.0.0.{i}", labels={"app": "web", "app.kubernetes.io/version": version})
        for i, version in enumerate(("v1.0", "v1_0"), 1)
    ]
    status = world(*versions).service()
    assert states(status) == {"Ready": ("True", "VersionCollision"), "EndpointsAvailable": AVAILABLE}
    assert (status["reason"], status["targets"]) == ("VersionCollision", "1/1")


def test_a_pod_that_is_left_out_for_a_quota_is_told_with_its_name_and_a_remedy() -> None:
    older = service("older", created="2025-01-01T00:00:00Z", selector={"tier": "front"})
    shared = pod("both", "10.0.0.2", labels={"app": "web", "tier": "front"})
    made = World(zone(), older, service(), resource(), pod(), shared, services_per_pod=1)
    status = made.service()
    assert states(status) == {"Ready": ("True", "QuotaExceeded"), "EndpointsAvailable": AVAILABLE}
    assert (status["reason"], status["leftOut"]) == ("QuotaExceeded", {"QuotaExceeded": 1})
    told = next(each["message"] for each in status["conditions"] if each["type"] == "Ready")
    assert told.startswith("1 pod that it selects is left out, both among them:")
    assert "servicesPerPod" in told
    assert [(each.type, each.reason) for each in events({}, status)] == [("Warning", "QuotaExceeded")]
    made.drop(Pod, Key("shop", "web-0"))
    made.commit()
    assert states(made.service())["EndpointsAvailable"] == ("False", "QuotaExceeded")


def test_until_a_dns_worker_has_it_it_is_underway() -> None:
    made = World()
    made.zones.apply_zone(zone())
    made.directory.apply_service(service())
    made.directory.apply_resource(resource())
    made.directory.apply_pod(pod())
    made.commit()
    status = made.service()
    assert states(status)["Reconciling"] == ("True", "Publishing")
    assert states(status)["Ready"] == ("False", "Publishing")
    assert status["targets"] == "0/1"
    assert made.serve().is_first
    assert states(made.service())["Ready"] == ("True", "Published")


def test_the_list_is_cut_and_the_counts_are_not() -> None:
    pods = [
        pod(f"web-{i:04}", f"10.1.{i // 250}.{i % 250 + 1}", ready=i >= 400) for i in range(MAX_INSTANCES + 1)
    ]
    status = world(*pods).service()
    assert len(status["instances"]) == MAX_INSTANCES
    assert status["truncated"] is True
    assert status["counts"] == {"total": 1001, "live": 1001, "ready": 601, "eligible": 601}
    assert status["ready"] == "601/1001"
    assert [each["pod"] for each in status["instances"][601:]] == [f"web-{i:04}" for i in range(399)]
    assert all(each["eligible"] for each in status["instances"][:601])


def test_exactly_as_many_as_fit() -> None:
    pods = [pod(f"web-{i:04}", f"10.1.{i // 250}.{i % 250 + 1}") for i in range(MAX_INSTANCES)]
    status = world(*pods).service()
    assert (len(status["instances"]), status["truncated"]) == (MAX_INSTANCES, False)


def test_many_ports_make_it_shorter() -> None:
    ports = tuple(ServicePort(1000 + i, f"a-port-with-a-name-{i}") for i in range(200))
    made = World(zone(), service(ports=ports), resource())
    made.put(*[pod(f"web-{i}", f"10.1.0.{i}") for i in range(1, 200)])
    status = made.service()
    assert status["truncated"] is True
    assert 0 < len(status["instances"]) < 199
    assert len(str(status["instances"])) < 1.2 * MAX_BYTES


def test_long_messages_are_cut() -> None:
    (instance,) = world(pod(ready=False, ready_message="x" * 5000)).service()["instances"]
    assert len(instance["message"]) == 1024


class TestTimes:
    """What is still as it was keeps its time."""

    def test_nothing_changed(self) -> None:
        made = world(pod())
        first = made.service()
        made.now += 100
        assert made.service(first) == first

    def test_the_answered_set_changed(self) -> None:
        made = world(pod("web-0"))
        first = made.service()
        made.now += 100
        made.put(pod("web-1", "10.0.0.2"))
        second = made.service(first)
        assert second["lastChangeTime"] == "2027-01-15T08:01:40Z"
        (publication,) = second["publications"]
        assert (publication["serial"], publication["time"]) == (START + 100, "2027-01-15T08:01:40Z")

    def test_it_changed_and_changed_back_before_the_write(self) -> None:
        made = world(pod())
        first = made.service()
        made.now += 100
        assert made.service(first, changed_at=START + 60)["lastChangeTime"] == "2027-01-15T08:01:00Z"

    def test_an_instance_that_is_not_answered_changes_nothing(self) -> None:
        made = world(pod())
        first = made.service()
        made.now += 100
        made.put(pod("web-1", "10.0.0.2", ready=False))
        second = made.service(first)
        assert second["lastChangeTime"] == first["lastChangeTime"]
        assert second["publications"] == first["publications"]

    def test_it_became_empty(self) -> None:
        made = world(pod())
        first = made.service()
        made.now += 100
        made.put(pod(ready=False))
        second = made.service(first)
        assert second["lastChangeTime"] == "2027-01-15T08:01:40Z"
        available = condition(second, "EndpointsAvailable")
        assert available is not None
        assert available["lastTransitionTime"] == "2027-01-15T08:01:40Z"
        assert condition(second, "Ready")["lastTransitionTime"] == "2027-01-15T08:00:00Z"  # type: ignore[index]

    def test_after_a_restart_nothing_seems_to_have_changed(self) -> None:
        first = world(pod()).service()
        later = World(zone(), service(), resource(), pod(), now=START + 1000)
        assert later.service(first) == first

    def test_after_a_restart_what_did_change_is_told(self) -> None:
        first = world(pod()).service()
        later = World(zone(), service(), resource(), pod("web-1", "10.0.0.2"), now=START + 1000)
        second = later.service(first)
        assert second["lastChangeTime"] == "2027-01-15T08:16:40Z"
        assert second["publications"][0]["serial"] == START + 1000

    def test_an_old_serial_from_a_clock_in_the_future_is_not_kept(self) -> None:
        ahead = World(zone(), service(), resource(), pod(), now=START + 5000).service()
        assert world(pod()).service(ahead)["publications"][0]["serial"] == START


def test_a_service_in_two_zones_is_named_after_the_first() -> None:
    status = World(zone("b", "b.test"), zone("a", "a.test"), service(), resource(), pod()).service()
    assert status["dnsName"] == "web.shop.a.test"
    assert [each["dnsName"] for each in status["publications"]] == ["web.shop.a.test", "web.shop.b.test"]
    assert status["targets"] == "2/2"


def test_a_resource_of_its_own() -> None:
    status = World(zone(), resource(selector={"app": "web"}), pod()).service()
    assert states(status)["Ready"] == ("True", "Published")
    assert status["instances"][0]["pod"] == "web-0"


def versioned(version: str, count: int, block: int, **fields: Any) -> list[Any]:
    labels = {"app": "web", "version": version}
    return [pod(f"{version}-{n}", f"10.0.{block}.{n}", labels=labels, **fields) for n in range(1, count + 1)]


class TestReleases:
    """What a release is, what became of it, and how long it has been so."""

    def test_versions_are_counted_without_a_release(self) -> None:
        pods = (*versioned("v1.0", 3, 1), *versioned("v2", 1, 2, ready=False), pod("bare", "10.0.3.1"))
        assert world(*pods).service()["release"] == {
            "versions": [
                {
                    "version": "v1.0",
                    "name": "v1-0",
                    "total": 3,
                    "available": 3,
                    "eligible": 3,
                    "share": "75%",
                },
                {"version": "v2", "name": "v2", "total": 1, "available": 0, "eligible": 0, "share": "0%"},
            ]
        }

    def test_blue_green(self) -> None:
        pods = (*versioned("blue", 2, 1), *versioned("green", 1, 2))
        made = world(*pods, release=Release(blue_green=BlueGreen("blue")))
        first = made.service()
        assert states(first)["Released"] == ("True", "Released")
        assert (first["ready"], first["release"]["summary"]) == ("2/3", "blue")
        (other,) = [each for each in first["instances"] if not each["eligible"]]
        assert (other["reason"], other["pod"]) == ("OtherVersion", "green-1")
        made.now += 50
        assert made.service(first) == first

        made.now += 50
        made.put(resource(release=Release(blue_green=BlueGreen("green", 2)), generation=2))
        refused = made.service(first)
        assert states(refused) == {
            "Ready": ("True", "Published"),
            "EndpointsAvailable": AVAILABLE,
            "Released": ("False", "TooFewReady"),
        }
        assert refused["reason"] == "TooFewReady"
        assert refused["release"] == first["release"]

        made.put(resource(release=Release(blue_green=BlueGreen("green")), generation=3))
        after = made.service(refused)
        assert (after["release"]["active"], after["release"]["previous"]) == ("green", "blue")
        assert after["release"]["since"] == "2027-01-15T08:01:40Z"
        assert [each.reason for each in events(first, refused)] == ["TooFewReady"]
        assert [each.reason for each in events(refused, after)] == ["Switched", "Released"]
        assert "green; before, they went to blue" in events(refused, after)[0].message

    def test_a_canary(self) -> None:
        pods = (*versioned("v1", 2, 1), *versioned("v2", 1, 2))
        status = world(*pods, release=Release(canary=Canary("v1", "v2", 10))).service()
        assert status["release"]["summary"] == "v1 90%, v2 10%"
        assert [each["share"] for each in status["release"]["versions"]] == ["90%", "10%"]
        assert (status["release"]["canary"], status["release"]["weight"]) == ("v2", 10)

    def test_a_side_that_is_missing_is_told(self) -> None:
        status = world(*versioned("v1", 2, 1), release=Release(canary=Canary("v1", "v2", 10))).service()
        assert states(status)["Released"] == ("False", "CanaryNotReady")
        assert states(status)["Ready"] == ("True", "Published")
        assert [each["share"] for each in status["release"]["versions"]] == ["100%"]

    def test_what_is_written_is_what_is_read_back(self) -> None:
        pods = (*versioned("v1", 2, 1), *versioned("v2", 1, 2))
        made = world(*pods, release=Release(canary=Canary("v1", "v2", 10)))
        entry = made.directory.get(KEY)
        assert entry is not None
        assert msgspec.convert(made.service()["release"], ReleaseStatus).released == entry.released

    def test_a_draining_instance_and_when_it_may_end(self) -> None:
        made = world(pod("web-0"), pod("web-1", "10.0.0.2", drain="true"), drain=Drain(90))
        first = made.service()
        draining = first["instances"][1]
        assert (draining["pod"], draining["reason"]) == ("web-1", "Draining")
        assert (draining["drainingSince"], draining["drainingUntil"]) == (
            "2027-01-15T08:00:00Z",
            "2027-01-15T08:01:30Z",
        )
        made.now += 60
        assert made.service(first) == first

    @pytest.mark.parametrize("fields", [{"weight": "1001"}, {"drain": "yes"}])
    def test_an_annotation_that_makes_no_sense_is_told_with_its_pod(self, fields: dict[str, Any]) -> None:
        status = world(pod("web-0"), pod("web-1", "10.0.0.2", **fields)).service()
        assert states(status)["Ready"] == ("True", "InvalidAnnotation")
        told = condition(status, "Ready")
        assert told is not None
        assert "web-1" in told["message"]
        assert status["ready"] == "2/2"


def test_hostnames_that_several_instances_have_are_told() -> None:
    shared = [pod(f"web-{n}", f"10.0.0.{n}", hostname="web") for n in range(1, 6)]
    status = world(*shared).service()
    assert states(status)["Ready"] == ("True", "HostnameCollision")
    told = condition(status, "Ready")
    assert told is not None
    assert "hostname web is that of 5 instances (web-1, web-2, web-3 and 2 more)" in told["message"]
    assert {each["name"] for each in status["instances"]} == {f"10-0-0-{n}" for n in range(1, 6)}


def test_pods_that_have_ended_are_counted_and_push_nobody_out() -> None:
    dead = [pod(f"dead-{n}", "", phase="Failed", ready=False) for n in range(1100)]
    done = [pod("done", phase="Succeeded", ready=False)]
    living = [pod(f"web-{n}", f"10.0.0.{n}", ready=n < 3) for n in range(4)]
    status = world(*dead, *done, *living).service()
    assert [each["pod"] for each in status["instances"]] == ["web-0", "web-1", "web-2", "web-3"]
    assert status["counts"] == {"total": 4, "live": 4, "ready": 3, "eligible": 3}
    assert status["ready"] == "3/4"
    assert status["leftOut"] == {"Failed": 1100, "NotReady": 1, "Succeeded": 1}
    assert not status["truncated"]
    assert len(msgspec.json.encode(status)) < 4096


def test_when_every_pod_has_ended_it_says_so() -> None:
    status = world(pod("job", phase="Succeeded", ready=False)).service()
    assert (status["reason"], status["ready"]) == ("NoPods", "0/0")
    told = condition(status, "EndpointsAvailable")
    assert told is not None
    assert told["message"] == "Every pod that the selector matches has ended: 1 Succeeded."


def test_a_list_that_is_cut_holds_what_is_answered_then_what_may_yet_be() -> None:
    leaving = [pod(f"a-{n}", f"10.1.{n >> 8}.{n & 255}", deleting=True) for n in range(600)]
    waiting = [pod(f"b-{n}", f"10.2.{n >> 8}.{n & 255}", ready=False) for n in range(600)]
    answered = [pod(f"c-{n}", f"10.3.0.{n}") for n in range(3)]
    status = world(*leaving, *waiting, *answered).service()
    assert status["truncated"]
    reasons = [each.get("reason", "") for each in status["instances"]]
    assert reasons == [""] * 3 + ["NotReady"] * 600 + ["Deleting"] * 397
    assert status["leftOut"] == {"Deleting": 600, "NotReady": 600}
