"""What the demo tells once everything runs, step by step, as it is printed."""

import functools
import shlex
import time

from controlplane import Acknowledged
from demo import changes, scene
from demo.questions import Question
from demo.scene import Service
from demo.stage import Stage
from demo.terminal import Terminal
from demo.waiting import wait_until


def tell(stage: Stage, terminal: Terminal) -> None:
    """Tell all of it.

    Raises DemoError or ControlPlaneError when something fails or does not come in time.
    """
    _services(stage, terminal)
    _answers(stage, terminal)
    last = _changes(stage, terminal)
    _files(stage, terminal, last)
    _reasons(stage, terminal)
    _release(stage, terminal)


def _services(stage: Stage, terminal: Terminal) -> None:
    terminal.step("Three services, a zone and two files")
    terminal.say(
        "There is no kubelet here: the pods are objects on a real API server, their status is written as a"
        " kubelet would write it, and nothing runs in them."
    )
    stage.cluster.make_namespaces()
    for manifest in (stage.scene.zone(), stage.scene.files()):
        terminal.command("kubectl apply --server-side -f -", stage.cluster.apply(manifest), given=manifest)
    acknowledged = stage.cluster.make_services()
    slowest = max(
        stage.server.wait_for(Question(service.domain_name), service.addresses(), acknowledged)[1]
        for service in stage.scene.services
    )
    terminal.lines([""])
    terminal.say(f"All eight pods are answered {slowest:.1f} ms after the API server acknowledged the last.")
    for service in stage.scene.services:
        _await_ready(stage, service, f"{len(service.pods)}/{len(service.pods)}")
    for kind, name, services in (("dz", scene.ZONE, "3"), ("df", "hosts", "2"), ("df", "upstreams", "1")):
        namespace = "" if kind == "dz" else stage.scene.web.namespace
        stage.cluster.await_field(kind, name, "{.status.services}", services, namespace)
    for arguments in (("get", "si", "-A"), ("get", "dz"), ("get", "df", "-A")):
        terminal.command(shlex.join(["kubectl", *arguments]), stage.plane.kubectl(*arguments))


def _answers(stage: Stage, terminal: Terminal) -> None:
    terminal.step("What DNS answers")
    if not stage.server.has_dig:
        terminal.say("dig is not installed (apt-get install dnsutils): dnspython asks in its place.")
    web, api, db = (service.domain_name for service in stage.scene.services)
    for about, question in (
        ("The ready pods of a service", Question(web)),
        ("Dual stack", Question(api, "AAAA")),
        ("Ports, with the name of each instance", Question(f"_postgres._tcp.{db}", "SRV")),
        ("One instance, by its hostname", Question(f"db-0.{db}")),
        ("The ready pods of one version", Question(f"v2.versions.{web}")),
    ):
        terminal.command(*stage.server.show(question), about=about)
    terminal.command(
        *stage.server.show(Question(web, "AAAA"), "+norec", "+noedns", "+noall", "+comments", "+authority"),
        about="No records of this type: NOERROR, not NXDOMAIN, which would deny the other types as well",
    )


def _changes(stage: Stage, terminal: Terminal) -> Acknowledged:
    terminal.step("Changes, from the API server's acknowledgement to the first right answer")
    shown = [changes.show(change, stage, terminal) for change in changes.all_changes(stage)]
    terminal.lines([""])
    terminal.say(f"The slowest of these took {max(each.milliseconds for each in shown):.1f} ms.")
    return shown[-1].acknowledged


def _files(stage: Stage, terminal: Terminal, last: Acknowledged) -> None:
    terminal.step("Files, for programs that read files")
    newest = scene.MORE_WEB[-1].ipv4
    namespace = stage.scene.web.namespace
    commands = []
    for name, key in ((scene.HOSTS, "hosts"), (scene.UPSTREAMS, r"upstreams\.conf")):
        commands.append(("get", "configmap", name, "-n", namespace, "-o", f"jsonpath={{.data.{key}}}"))
        wait_until(
            functools.partial(_prints, stage, commands[-1], newest),
            f"{newest} in the ConfigMap {namespace}/{name}",
        )
    seconds = (time.monotonic_ns() - last.monotonic_ns) / 1e9
    terminal.say(
        f"The ConfigMaps followed the last change after {seconds:.1f} s at most: writes to the API server are"
        " gathered, and DNS never waits for them."
    )
    for arguments in commands:
        terminal.command(shlex.join(["kubectl", *arguments]), stage.plane.kubectl(*arguments))


def _prints(stage: Stage, arguments: tuple[str, ...], text: str) -> bool:
    return text in stage.plane.kubectl(*arguments, "--ignore-not-found")


def _reasons(stage: Stage, terminal: Terminal) -> None:
    terminal.step("Why an answer is what it is")
    web = stage.scene.web
    away = web.pods[0]
    question = Question(web.domain_name)
    everyone = web.addresses() | {pod.ipv4 for pod in scene.MORE_WEB}
    _await_ready(stage, web, f"{len(everyone)}/{len(everyone)}")  # else the count below may be an older one
    acknowledged = stage.cluster.set_ready(web, away, False)
    stage.server.wait_for(question, everyone - {away.ipv4}, acknowledged)
    _await_ready(stage, web, f"{len(everyone) - 1}/{len(everyone)}")
    stage.cluster.await_field("df", "upstreams", "{.status.instances}", f"{len(everyone) - 1}", web.namespace)
    terminal.say(f"{away} is not ready now.")
    status = ("status", "-A")
    lookup = ("lookup", question.name, question.type, "--server", stage.rollcall.dns)
    for arguments in (status, lookup):
        terminal.command(shlex.join(["rollcall", *arguments]), stage.rollcall.run(*arguments))


def _release(stage: Stage, terminal: Terminal) -> None:
    terminal.step("A release: blue/green, by the version label of the pods")
    web = stage.scene.web
    for change in changes.switches(stage):
        changes.show(change, stage, terminal)
    stage.cluster.await_field("si", web.name, "{.status.release.active}", "v2", web.namespace)
    status = ("release", "status", web.name, "-n", web.namespace)
    terminal.command(shlex.join(["rollcall", *status]), stage.rollcall.run(*status))


def _await_ready(stage: Stage, service: Service, ready: str) -> None:
    stage.cluster.await_field("si", service.name, "{.status.ready}", ready, service.namespace)
