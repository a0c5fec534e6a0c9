"""Who is eligible, and why not: the truth table."""

import pytest

from rollcall.directory.eligibility import Criteria, judge
from rollcall.model import ContainerPort, Gate, InstancePort, IPFamily, Pod, Reason, ServicePort, Terminating
from unit.world import HTTP, pod


def verdict(pod: Pod, *, publication_gate: bool = False, ports=(HTTP,), **criteria):
    judged_by = Criteria("web", ports, ("version",), **criteria)
    return judge(pod, judged_by, publication_gate=publication_gate)


@pytest.mark.parametrize(
    ("case", "live", "ready", "reason"),
    [
        (pod(), True, True, Reason.NONE),
        (pod(ready=False), True, False, Reason.NOT_READY),
        (pod(ready=None), True, False, Reason.READY_MISSING),
        (pod(deleting=True), False, True, Reason.DELETING),
        (pod(deleting=True, ready=False), False, False, Reason.DELETING),
        (pod(phase="Pending", ready=False), True, False, Reason.PENDING),  # its init containers run
        (pod(phase="Pending", ready=None, address=""), False, False, Reason.PENDING),
        (pod(phase="Unknown", ready=False), True, False, Reason.PHASE_UNKNOWN),
        (pod(address="", impossible=True), False, True, Reason.NO_ADDRESS),
        (pod(address="", ready=False), False, False, Reason.NO_ADDRESS),
        (pod(address="10.0.0.256", impossible=True), False, True, Reason.INVALID_ADDRESS),
        (pod(address="0.0.0.0"), False, True, Reason.INVALID_ADDRESS),
        (pod(address="224.0.0.1"), False, True, Reason.INVALID_ADDRESS),
        (pod(address="fe80::1%eth0", impossible=True), False, True, Reason.INVALID_ADDRESS),
    ],
)
def test_a_pod_is_eligible_when_it_is_live_and_ready(case, live, ready, reason):
    instance = verdict(case)
    assert (instance.live, instance.ready, instance.reason) == (live, ready, reason)
    assert instance.eligible is (live and ready)
    assert bool(instance.message) is not instance.eligible


def test_of_several_addresses_those_that_can_be_are_answered():
    instance = verdict(pod(addresses=("127.0.0.1", "fd00::1")))
    assert (instance.eligible, instance.label) == (True, "fd00-0000-0000-0000-0000-0000-0000-0001")
    assert list(map(str, instance.addresses)) == ["fd00::1"]
    assert instance.message == "Not answered: 127.0.0.1 is a loopback address."


@pytest.mark.parametrize("ready", [False, None])
def test_a_service_that_publishes_not_ready_addresses_has_every_live_pod(ready):
    assert verdict(pod(ready=ready), publish_not_ready=True).eligible


@pytest.mark.parametrize(
    "case", [pod(deleting=True), pod(deleting=True, ready=False), pod(phase="Pending", ready=False)]
)
def test_publishing_not_ready_addresses_has_pods_in_init_and_those_that_are_ending(case):
    assert verdict(case, publish_not_ready=True).eligible
    instance = verdict(case, publish_not_ready=True)
    assert instance.terminating is case.deleting
    assert ("until it is gone" in instance.message) is case.deleting


@pytest.mark.parametrize("phase", ["Pending", "Running"])
def test_publishing_not_ready_addresses_publishes_no_pod_without_an_address(phase):
    assert not verdict(pod(phase=phase, ready=False, address=""), publish_not_ready=True).live


@pytest.mark.parametrize(
    ("publish_not_ready", "terminating", "ready", "eligible"),
    [
        (False, None, True, False),
        (True, None, True, True),
        (True, None, False, True),
        (True, Terminating.WITHDRAW, True, False),
        (True, Terminating.KEEP, False, True),
        (False, Terminating.WITHDRAW, True, False),
        (False, Terminating.KEEP, True, True),
        (False, Terminating.KEEP, False, False),
    ],
)
def test_who_is_being_deleted_stays_where_that_is_asked_for(publish_not_ready, terminating, ready, eligible):
    leaving = pod(deleting=True, ready=ready)
    instance = verdict(leaving, publish_not_ready=publish_not_ready, terminating=terminating)
    assert instance.eligible is eligible
    assert (instance.reason is Reason.NONE) is eligible


def test_who_stays_while_it_is_being_deleted_can_be_drained():
    leaving = verdict(pod(deleting=True, drain="true"), publish_not_ready=True)
    assert (leaving.eligible, leaving.reason) == (False, Reason.DRAINING)


def test_the_kubelets_words_say_why_a_pod_is_not_ready():
    waiting = pod(ready=False, ready_message="containers with unready status: [app]")
    assert verdict(waiting).message == "containers with unready status: [app]"


def test_a_malformed_address_is_named():
    assert "10.0.0.256" in verdict(pod(address="10.0.0.256", impossible=True)).message


def test_dual_stack_keeps_both_families():
    instance = verdict(pod(addresses=("10.0.0.1", "fd00::1")))
    assert [str(address) for address in instance.addresses] == ["10.0.0.1", "fd00::1"]


@pytest.mark.parametrize(
    ("hostname", "addresses", "label"),
    [
        ("web-0", ("10.0.0.1",), "web-0"),
        ("", ("10.0.0.1",), "10-0-0-1"),
        ("Not_Valid", ("10.0.0.1",), "10-0-0-1"),
        ("-x", ("10.0.0.1",), "10-0-0-1"),
        ("x" * 64, ("10.0.0.1",), "10-0-0-1"),
        ("", ("fd00::1",), "fd00-0000-0000-0000-0000-0000-0000-0001"),
        ("", (), ""),
    ],
)
def test_an_instance_is_named_by_hostname_or_address(hostname, addresses, label):
    assert verdict(pod(hostname=hostname, addresses=addresses, impossible=True)).label == label


SIDECAR = (ContainerPort("web", "TCP", 8080), ContainerPort("metrics", "TCP", 9090))


@pytest.mark.parametrize(
    ("port", "number"),
    [
        (ServicePort(80, "http", "TCP", 8081), 8081),
        (ServicePort(80, "http", "TCP", None), 80),
        (ServicePort(80, "http", "TCP", 0), 80),
        (ServicePort(80, "http", "TCP", "web"), 8080),
        (ServicePort(80, "http", "TCP", "metrics"), 9090),
        (ServicePort(80, "http", "UDP", "web"), None),
        (ServicePort(80, "http", "TCP", "other"), None),
    ],
)
def test_target_ports_resolve_in_each_pod(port, number):
    instance = verdict(pod(ports=SIDECAR), ports=(port,))
    expected = () if number is None else (InstancePort("http", port.protocol, number),)
    assert instance.ports == expected
    assert instance.eligible
    assert bool(instance.message) is (number is None)


@pytest.mark.parametrize(
    ("text", "weight"),
    [(None, 100), ("0", 0), ("1000", 1000), ("1001", 100), ("-1", 100), ("x", 100), ("٣", 100)],
)
def test_a_weight_that_makes_no_sense_is_ignored_aloud(text, weight):
    instance = verdict(pod(weight=text))
    assert instance.weight == weight
    assert ("rollcall.dev/weight" in instance.message) is (text is not None and str(weight) != text)


READY, WAITING, UNTOLD = Gate(True, "", None), Gate(False, "the app starts", None), Gate(None, "", None)
PUBLISHED = Gate(True, "", True)
BEHIND = Gate(False, "the app starts", True)
"""Another gate has just closed, and the kubelet has not said so in Ready yet."""


@pytest.mark.parametrize(
    ("case", "eligible", "reason"),
    [
        (pod(ready=False, gate=READY), True, Reason.NONE),
        (pod(ready=None, gate=READY), True, Reason.NONE),
        (pod(ready=True, gate=PUBLISHED), True, Reason.NONE),
        (pod(ready=False, gate=WAITING), False, Reason.NOT_READY),
        (pod(ready=True, gate=BEHIND), False, Reason.NOT_READY),
        (pod(ready=None, gate=UNTOLD), False, Reason.READY_MISSING),
        (pod(ready=False, gate=READY, deleting=True), False, Reason.DELETING),
        (pod(ready=False, gate=READY, drain="true"), False, Reason.DRAINING),
        (pod(ready=False), False, Reason.NOT_READY),
    ],
)
def test_under_the_publication_gate_a_pod_is_eligible_before_it_is_ready(case, eligible, reason):
    instance = verdict(case, publication_gate=True)
    assert (instance.eligible, instance.reason) == (eligible, reason)
    if case.gate in (WAITING, BEHIND):
        assert instance.message == "the app starts"


@pytest.mark.parametrize("containers", [True, False])
@pytest.mark.parametrize("ready", [True, False])
def test_without_the_option_ready_decides(containers, ready):
    assert verdict(pod(ready=ready, gate=Gate(containers, "", ready))).eligible is ready


def test_an_instance_without_an_address_of_the_families_is_not_live():
    instance = verdict(pod(), families=(IPFamily.IPV6,))
    assert (instance.live, instance.reason) == (False, Reason.NO_ADDRESS)
    assert "10.0.0.1" in instance.message


def test_the_first_family_comes_first():
    instance = verdict(pod(addresses=("10.0.0.1", "fd00::1")), families=(IPFamily.IPV6, IPFamily.IPV4))
    assert [str(address) for address in instance.addresses] == ["fd00::1", "10.0.0.1"]
    assert instance.label == "10-0-0-1"
