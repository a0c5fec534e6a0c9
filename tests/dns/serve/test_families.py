"""`rollcall run` on machines with one family of addresses, and beside somebody else's mDNS."""

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import yaml
from manifests.generate import INSTALL

from controlplane.child import Child
from rollcall.config import DNS_LISTEN
from rollcall.kube.destination import destination
from rollcall.model.owner import Owner
from rollcall.serve.snapshot import write_snapshot
from rollcall_process import PROGRAM
from serving.network import Network, network
from unit.serve.samples import rrset, zone
from waiting import eventually

NAME = "s.example.test"
ADDRESS = "10.9.8.7"
POD = {"IPv4": "10.244.0.10", "IPv6": "fd00:10:244::a"}
_GET = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=30).read().decode(), end='')"
_HOLD = (
    "import signal, socket\n"
    "held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
    "held.bind(('', 5353))\n"
    "print('held', flush=True)\n"
    "signal.pause()\n"
)

Run = Callable[..., Child]


@pytest.fixture
def settings(tmp_path: Path) -> list[str]:
    """Return the options of a replica that has a snapshot, and an API server that is away."""
    kubeconfig = tmp_path / "kubeconfig"
    entry = {"name": "away", "cluster": {"server": "http://127.0.0.1:1"}, "user": {}}
    entry["context"] = {"cluster": "away", "user": "away"}
    kinds = {"clusters": [entry], "users": [entry], "contexts": [entry]}
    kubeconfig.write_text(json.dumps({"current-context": "away", **kinds}))
    owner = Owner("rollcall", destination(str(kubeconfig), None).cluster)
    write_snapshot(tmp_path / "answers.snapshot", owner, [zone(rrset(f"{NAME}.", "A", ADDRESS))])
    return [f"--kubeconfig={kubeconfig}", f"--state-dir={tmp_path}", "--identity=rollcall", "--lameduck=0"]


def installed_arguments() -> list[str]:
    """Return what the container of manifests/install.yaml is started with."""
    (deployment,) = (item for item in yaml.safe_load_all(INSTALL.read_text()) if item["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return [str(argument) for argument in container["args"]]


def is_ready(inside: Network, host: str) -> bool:
    return inside.run(sys.executable, "-c", _GET, f"http://{host}:8080/readyz").stdout == "ok\n"


def dig(inside: Network, address: str, port: int, *options: str) -> list[str]:
    limits = "+tries=1", "+timeout=30"
    answered = inside.run("dig", "+short", *limits, f"@{address}", "-p", str(port), *options, NAME)
    return answered.stdout.split()


@pytest.mark.parametrize("families", [("IPv4",), ("IPv6",), ("IPv4", "IPv6")], ids="+".join)
def test_an_installed_pod_answers_and_is_ready_on_every_address(
    families: tuple[str, ...], settings: list[str], run: Run
) -> None:
    addresses = [f"{POD[family]}/{32 if family == 'IPv4' else 128}" for family in families]
    with network(*addresses, ipv4="IPv4" in families, ipv6="IPv6" in families) as pod:
        child = run(*pod.inside(str(PROGRAM), *installed_arguments(), *settings))
        for family in families:
            address = POD[family]
            host = f"[{address}]" if family == "IPv6" else address
            eventually(partial(is_ready, pod, host), child.output)
            assert dig(pod, address, 10053) == [ADDRESS]
            assert dig(pod, address, 10053, "+tcp") == [ADDRESS]
        child.stop()


@pytest.mark.parametrize(
    "addresses", [("10.244.0.10", "10.244.0.11"), ("fd00:10:244::a", "fd00:10:244::b")], ids=["IPv4", "IPv6"]
)
@pytest.mark.parametrize("port", [10053, 5300], ids=["dns", "transfers"])
def test_the_address_that_was_asked_answers(
    addresses: tuple[str, str], port: int, settings: list[str], run: Run
) -> None:
    """A machine with two of a family: by its routes it would answer itself from the one that asks."""
    here, asked = addresses
    with network(*(f"{address}/{128 if ':' in address else 32}" for address in addresses)) as machine:
        options = [*installed_arguments(), "--transfer-listen=:5300", *settings]
        child = run(*machine.inside(str(PROGRAM), *options))
        eventually(partial(is_ready, machine, "127.0.0.1"), child.output)
        dig = ("dig", "+tries=1", "+timeout=3", "-b", here, f"@{asked}", "-p", str(port), NAME)
        eventually(lambda: "status: " in machine.run(*dig).stdout, lambda: machine.run(*dig).stdout)
        child.stop()


def test_the_default_port_is_free_where_there_is_mdns(settings: list[str], run: Run) -> None:
    """Its socket is another user's: SO_REUSEPORT shares a port among those of one user only."""
    with network() as machine:
        holder = run(*machine.inside(sys.executable, "-c", _HOLD))
        eventually(lambda: "held" in holder.output(), "somebody has mDNS' port")
        child = run(*machine.inside(str(PROGRAM), "run", *settings))
        host, port = DNS_LISTEN.split(":")
        eventually(lambda: dig(machine, host, int(port)) == [ADDRESS], child.output)
        child.stop()
