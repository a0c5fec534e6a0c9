"""That `make demo` shows what it says, in the order that it says, and leaves nothing behind."""

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.demo.running import ROOT, Demo
from controlplane import ControlPlane, programs

COLUMNS = 100


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """Make a folder for PATH, empty."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def test_the_whole_demo(tmp_path: Path) -> None:
    with Demo(tmp_path) as demo:
        assert demo.wait() == 0, demo.text
        demo.wait_nothing_left()
    said = demo.text
    milestones = (
        "[1/8]",
        "customresourcedefinition.apiextensions.k8s.io/serviceinstances.rollcall.dev serverside-applied",
        "[2/8]",
        "$ rollcall run",
        "[3/8]",
        "no kubelet",
        "kind: DiscoveryZone",
        "$ kubectl get si -A",
        "3/3",
        "$ kubectl get dz",
        "$ kubectl get df -A",
        "[4/8]",
        "10.20.1.12",
        "fd00:20:2::12",
        "0 100 5432 db-0.db.data.demo.example.",
        "v2.versions.web.shop.demo.example",
        "status: NOERROR",
        "SOA",
        "[5/8]",
        "web-2 (10.20.1.12) is not ready any more",
        "web-2 (10.20.1.12) is ready again",
        "db-1 (10.20.3.11) is deleted",
        "NXDOMAIN",
        "web is scaled from 3 to 5 pods",
        "[6/8]",
        "10.20.1.15\t10-20-1-15.web.shop.demo.example web.shop.demo.example",
        "server 10.20.1.15:8080",
        "[7/8]",
        "$ rollcall status -A",
        "1 NotReady",
        "$ rollcall lookup web.shop.demo.example A",
        "4 of 5 instances are answered",
        "[8/8]",
        "nobody is sent to v2 any more",
        "The switch to v2",
        "$ rollcall release status web -n shop",
        "before: v1",
        "make demo KEEP=1",
        "ended and removed",
    )
    position = 0
    for milestone in milestones:
        found = said.find(milestone, position)
        assert found >= 0, f"no {milestone!r} after {said[:position][-200:]!r} in:\n{said}"
        position = found + len(milestone)
    assert len(re.findall(r"^      after   .* \d+\.\d ms$", said, re.MULTILINE)) == 7
    assert "\x1b" not in said
    too_wide = [line for line in said.splitlines() if len(line) > COLUMNS and "NotReady:" not in line]
    assert not too_wide


def test_before_and_after_are_what_the_change_says(tmp_path: Path) -> None:
    """One run more, kept: its numbers are checked and its printed commands are executed."""
    with Demo(tmp_path, environment={"KEEP": "1"}) as demo:
        demo.wait_for("In another terminal:")
        demo.wait_for("tail -f")
        changes = re.findall(r"before  (.*)\n +after   (.*?)  +\d+\.\d ms\n", demo.text)
        web = [f"10.20.1.1{i}" for i in range(1, 6)]
        assert [tuple(side.split("  ") for side in change) for change in changes] == [
            (web[:3], [web[0], web[2]]),
            ([web[0], web[2]], web[:3]),
            (["10.20.3.10", "10.20.3.11", "10.20.3.12"], ["10.20.3.10", "10.20.3.12"]),
            (["10.20.3.11"], ["no such name (NXDOMAIN)"]),
            (web[:3], web),
            (web[1:], [web[1]]),
            ([web[1]], web[2:]),
        ]
        printed = demo.text.partition("In another terminal:\n")[2].splitlines()
        commands = [line.strip() for line in printed if not re.search("--watch|tail -f", line)]
        if not shutil.which("dig"):
            commands = [line for line in commands if not line.startswith("dig")]
        if not shutil.which("curl"):
            commands = [line for line in commands if not line.startswith("curl")]
        script = "\n".join(["set -eu", *commands])
        done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "pod/web-3 patched" in done.stdout
        demo.interrupt()
        assert demo.wait() == 0, demo.text
        demo.wait_nothing_left()


NOTHING_CHANGES = """
import sys
from time import monotonic_ns
from demo import __main__, cluster
from controlplane import Acknowledged
cluster.Cluster.set_ready = lambda *_: Acknowledged(monotonic_ns(), "")
sys.exit(__main__.main())
"""


def test_an_answer_that_does_not_come_is_a_failure(tmp_path: Path) -> None:
    with Demo(tmp_path, program=("-c", NOTHING_CHANGES)) as demo:
        assert demo.wait() == 1, demo.text
        demo.wait_nothing_left()
    *_, log, last = demo.text.split("\n\n")
    assert re.match(r"demo: web\.shop\.demo\.example A did not become 10.20.1.11, 10.20.1.13 in 10 s", last)
    assert log.startswith("The end of Rollcall's log:\n")
    assert "Traceback" not in demo.text


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        (signal.SIGINT, "starting etcd"),
        (signal.SIGTERM, "[2/8]"),
        (signal.SIGINT, "[3/8]"),
    ],
)
def test_an_interrupted_demo_leaves_nothing(tmp_path: Path, number: signal.Signals, moment: str) -> None:
    with Demo(tmp_path) as demo:
        demo.wait_for(moment)
        demo.interrupt(number)
        assert demo.wait() == 130, demo.text
        demo.wait_nothing_left()
    assert demo.text.splitlines()[-1] == "demo: interrupted; all that was started is ended and removed"
    assert "Traceback" not in demo.text


def test_an_interrupted_build_leaves_nothing(tmp_path: Path, tools: Path) -> None:
    go = tools / "go"
    go.write_text('#!/bin/sh\n[ "$1" = version ] && echo go version go1.26.0 && exit\nexec /bin/sleep 600\n')
    go.chmod(0o755)
    with Demo(tmp_path, environment=nothing_found(tmp_path, tools)) as demo:
        demo.wait_for("building kube-apiserver")
        demo.interrupt()
        assert demo.wait() == 130, demo.text
        demo.wait_nothing_left()


def test_without_go_one_line_says_what_to_install(tmp_path: Path, tools: Path) -> None:
    with Demo(tmp_path, environment=nothing_found(tmp_path, tools)) as demo:
        assert demo.wait() == 1, demo.text
        demo.wait_nothing_left()
    assert "install Go 1.26" in demo.text.splitlines()[-1]
    assert "Traceback" not in demo.text


def nothing_found(tmp_path: Path, tools: Path) -> dict[str, str]:
    """Return an environment in which no program of the control plane is to be found."""
    return {"PATH": str(tools), "XDG_CACHE_HOME": str(tmp_path / "cache"), "KUBEBUILDER_ASSETS": str(tools)}


@pytest.fixture
def given() -> Iterator[ControlPlane]:
    """Start a cluster that is given to the demo, with the controller that ends namespaces."""
    if programs.locate("kube-controller-manager") is None:
        pytest.skip("a given cluster needs kube-controller-manager: python -m controlplane fetch gets it")
    with ControlPlane() as plane:
        if not plane.ours:
            pytest.skip("the demo is tried on a cluster of our own: unset KUBECONFIG_FOR_TESTS")
        plane.start_controllers(["namespace-controller"])
        yield plane


def test_a_given_cluster_is_left_as_it_was(given: ControlPlane, tmp_path: Path, tools: Path) -> None:
    """The same demo, in its own namespaces; here also without dig."""
    with Demo(tmp_path, "--kubeconfig", str(given.kubeconfig), environment={"PATH": str(tools)}) as demo:
        assert demo.wait() == 0, demo.text
        demo.wait_nothing_left()
    assert "dnspython asks" in demo.text
    assert "web.rollcall-demo-shop.demo.example. 5 IN A 10.20.1.11" in demo.text
    assert given.kubectl("get", "crd,namespace", "-o", "name").split() == [
        f"namespace/{name}" for name in ("default", "kube-node-lease", "kube-public", "kube-system")
    ]
    given.workloads.make_namespace("rollcall-demo-data")
    (tmp_path / "again").mkdir()
    with Demo(tmp_path / "again", "--kubeconfig", str(given.kubeconfig)) as demo:
        assert demo.wait() == 1, demo.text
    assert "the namespace rollcall-demo-data exists" in demo.text.splitlines()[-1]
