"""What goes on when parts are gone: the API server, the control process, a worker, everything at once."""

import functools
import json
import os
import shutil
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.message
import pytest

from api.test_operator import ZONE, apply, file, pod
from controlplane import ControlPlane
from rollcall_process import Rollcall
from waiting import SECONDS, eventually

NAME = "web.shop.test.example"
EVERYONE = {"10.20.0.1", "10.20.0.2", "10.20.0.3"}
SERVFAIL = 2
REFUSED = 5


@pytest.fixture(scope="module")
def plane(cluster_crds: Path) -> Iterator[ControlPlane]:
    """Start an API server that is for breaking."""
    with ControlPlane() as made:
        made.kubectl("apply", "--server-side", "-f", str(cluster_crds))
        made.kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", str(cluster_crds))
        made.workloads.make_namespace("shop")
        made.workloads.make_service("shop", "web", selector={"app": "web"})
        for number in range(3):
            pod(made, "shop", number)
        apply(made, ZONE, file("shop", "mine"))
        yield made


@pytest.fixture(autouse=True)
def mended(plane: ControlPlane) -> Iterator[None]:
    """Leave a running API server to the next test, however this one ends."""
    yield
    plane.start_apiserver()


def serial(rollcall: Rollcall) -> int:
    answer = rollcall.ask("test.example", "SOA").answer
    return int(answer[0][0].serial) if answer else 0


def test_answers_outlive_the_api_server_and_a_restart_of_everything(plane, tmp_path):
    with Rollcall(plane.kubeconfig, tmp_path) as rollcall:
        rollcall.wait_ready()
        rollcall.wait_answers(NAME, EVERYONE)
        code, body, _ = rollcall.get("/v1/files/shop/mine")
        assert code == 200
        eventually(lambda: (tmp_path / "files.snapshot").exists(), "a snapshot")
        before = serial(rollcall)
        plane.stop_apiserver(graceful=False)
        assert rollcall.answers(NAME) == EVERYONE
        assert rollcall.get("/readyz")[0] == 200
        assert rollcall.stop() == 0
    try:
        with Rollcall(plane.kubeconfig, tmp_path) as rollcall:
            rollcall.wait_ready()
            assert rollcall.answers(NAME) == EVERYONE
            assert rollcall.answers("10-20-0-1." + NAME) == {"10.20.0.1"}
            assert rollcall.get("/healthz")[0] == 200
            stale = rollcall.get("/v1/files/shop/mine")
            assert stale[:2] == (200, body)
            eventually(lambda: "trying again" in rollcall.text, "a word on what is wrong")
            plane.start_apiserver()
            eventually(
                lambda: rollcall.get("/v1/drained?pod=shop/nobody")[0] == 404,
                "it knows what there is, and not",
            )
            rollcall.wait_ready()  # by now: each worker has that, and no longer the snapshot
            assert serial(rollcall) == before, "nothing has changed, so nothing has a new serial"
            plane.workloads.set_ready("shop", "web-0", False)
            rollcall.wait_answers(NAME, EVERYONE - {"10.20.0.1"})
            assert serial(rollcall) > before
    finally:
        plane.start_apiserver()
        plane.workloads.set_ready("shop", "web-0", True)


def test_before_the_first_sync_nothing_is_denied(plane, tmp_path):
    plane.stop_apiserver(graceful=False)
    try:
        with Rollcall(plane.kubeconfig, tmp_path) as rollcall:
            eventually(lambda: "trying again" in rollcall.text, "a word on what is wrong")
            assert rollcall.ask(NAME).rcode() == SERVFAIL
            assert rollcall.ask("nobody.test.example").rcode() == SERVFAIL
            code, reason, _ = rollcall.get("/readyz")
            assert code == 503
            assert "pods" in reason
            assert rollcall.get("/v1/files/shop/mine")[0] == 503
            plane.start_apiserver()
            rollcall.wait_answers(NAME, EVERYONE)
            rollcall.wait_ready()
    finally:
        plane.start_apiserver()


def test_a_gap_in_the_watch_removes_nothing_and_misses_nothing(plane, tmp_path):
    with Rollcall(plane.kubeconfig, tmp_path) as rollcall:
        rollcall.wait_ready()  # each worker has the state, not just the one that is asked first
        rollcall.wait_answers(NAME, EVERYONE)
        plane.stop_apiserver(graceful=False)
        assert rollcall.answers(NAME) == EVERYONE
        plane.start_apiserver()  # it has no history of before: the next watch is answered with 410
        plane.workloads.delete_pod("shop", "web-2")
        rollcall.wait_answers(NAME, EVERYONE - {"10.20.0.3"})
        pod(plane, "shop", 2)
        rollcall.wait_answers(NAME, EVERYONE)


def test_a_crash_of_the_control_process_drops_no_query(plane, tmp_path):
    with Rollcall(plane.kubeconfig, tmp_path) as rollcall:
        rollcall.wait_ready()
        with Questioner(rollcall) as questioner:
            (control,) = rollcall.pids("rollcall.app")
            os.kill(control, signal.SIGKILL)
            eventually(lambda: rollcall.pids("rollcall.app") not in ([], [control]), "a new control process")
            rollcall.wait_ready()
            plane.workloads.set_ready("shop", "web-1", False)
            rollcall.wait_answers(NAME, EVERYONE - {"10.20.0.2"})
            plane.workloads.set_ready("shop", "web-1", True)
            rollcall.wait_answers(NAME, EVERYONE)
        assert questioner.unanswered == 0
        assert questioner.wrong == 0


def test_a_crash_of_a_worker_drops_no_query(plane, tmp_path):
    with Rollcall(plane.kubeconfig, tmp_path, "--dns-workers=2") as rollcall:
        rollcall.wait_ready()
        before = rollcall.pids("rollcall.serve.worker")
        with Questioner(rollcall) as questioner:
            for worker in before:
                with questioner.between_questions():
                    os.kill(worker, signal.SIGKILL)
            eventually(
                lambda: len(set(rollcall.pids("rollcall.serve.worker")) - set(before)) == 2, "new workers"
            )
            rollcall.wait_ready()
        assert questioner.unanswered == 0
        assert questioner.wrong == 0


def test_processes_that_hang_are_replaced_and_the_others_answer(plane, tmp_path):
    modules = ("rollcall.serve.worker", "rollcall.app", "rollcall.publish.transfer.process")
    with Rollcall(plane.kubeconfig, tmp_path, "--dns-workers=2", "--transfer-listen=127.0.0.1:0") as rollcall:
        rollcall.wait_ready()
        before = {module: rollcall.pids(module) for module in modules}
        for pids in before.values():
            os.kill(pids[0], signal.SIGSTOP)
        for module, pids in before.items():
            replaced = functools.partial(_is_replaced, rollcall, module, pids)
            eventually(replaced, lambda module=module: f"another {module}:\n{rollcall.text}")
        rollcall.wait_ready()
        rollcall.wait_answers(NAME, EVERYONE)
        assert rollcall.text.count("process hangs") == len(modules)


def _is_replaced(rollcall: Rollcall, module: str, before: list[int]) -> bool:
    pids = rollcall.pids(module)
    return len(pids) == len(before) and set(pids) & set(before) == set(before[1:])


def test_serials_rise_over_a_crash_of_everything(plane, tmp_path):
    with Rollcall(plane.kubeconfig, tmp_path) as rollcall:
        rollcall.wait_ready()
        rollcall.wait_answers(NAME, EVERYONE)
        before = serial(rollcall)
        rollcall.crash()
    with Rollcall(plane.kubeconfig, tmp_path) as rollcall:
        rollcall.wait_answers(NAME, EVERYONE)
        eventually(lambda: serial(rollcall) > before, "a higher serial")


def test_damaged_state_and_somebody_elses_answer_nothing_and_end_nothing(plane, tmp_path):
    """The API server is away, so that nothing else could be answered; when it is back, all is as ever."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    with Rollcall(plane.kubeconfig, ours) as rollcall:
        rollcall.wait_ready()
        rollcall.wait_answers(NAME, EVERYONE)
        assert rollcall.get("/v1/files/shop/mine")[0] == 200
        assert rollcall.stop() == 0
    shutil.copytree(ours, theirs)
    damage(ours / "answers.snapshot", b"\x0a\x14\x00\x01", b"\x0a\x14\x00\x02")  # an address
    damage(ours / "files.snapshot", b"10.20.0.1", b"10.20.0.9")
    damage(ours / "serials.state", b"example", b"\xff\xfemple")
    plane.stop_apiserver(graceful=False)
    with (
        Rollcall(plane.kubeconfig, ours) as rollcall,
        Rollcall(plane.kubeconfig, theirs, "--identity=another") as another,
    ):
        for each, folder in ((rollcall, ours), (another, theirs)):
            names = ("answers.snapshot", "files.snapshot", "serials.state")
            said = [f"is set aside as {name}.set-aside" for name in names]
            eventually(functools.partial(_says_all, each, said), each.text)
            assert {f"{name}.set-aside" for name in names} <= {path.name for path in folder.iterdir()}
            assert each.ask(NAME).rcode() == SERVFAIL
            eventually(lambda each=each: each.get("/readyz")[0] == 503, "not ready")
            assert each.get("/v1/files/shop/mine")[0] == 503
            assert each.get("/healthz")[0] == 200
        assert another.text.count("belongs to the installation 'rollcall'") > 2
        with Rollcall(plane.kubeconfig, ours) as second:
            eventually(lambda: second.exit_code == 1, "its end")
        for fact in (f"the folder {ours} is in use by the process", "'rollcall'", "--state-dir"):
            assert fact in second.text
        plane.start_apiserver()
        rollcall.wait_answers(NAME, EVERYONE)
        eventually(lambda: another.ask(NAME).rcode() == REFUSED, "the zone is the first one's")
        for each in (rollcall, another):
            eventually(lambda each=each: each.get("/readyz")[0] == 200, "ready")
            assert each.get("/v1/files/shop/mine")[0] == 200
            assert "Traceback" not in each.text
            assert "process ended" not in each.text


def damage(path, old, new):
    octets = path.read_bytes()
    assert old in octets
    path.write_bytes(octets.replace(old, new))


def test_no_process_outlives_the_supervisor(plane, tmp_path):
    with Rollcall(plane.kubeconfig, tmp_path) as rollcall:
        rollcall.wait_ready()
        children = rollcall.pids("rollcall.app") + rollcall.pids("rollcall.serve.worker")
        assert len(children) == 3
        rollcall.kill_supervisor()
        eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), "its children gone")


def test_a_missing_right_is_named(plane, tmp_path):
    plane.kubectl("create", "serviceaccount", "powerless", "-n", "shop")
    with Rollcall(plane.account_kubeconfig("shop", "powerless"), tmp_path) as rollcall:
        for resource in ("pods", "services", "serviceinstances", "discoveryzones"):
            refusal = f'cannot list resource "{resource}"'
            eventually(functools.partial(_says, rollcall, refusal), refusal)
        assert rollcall.ask(NAME).rcode() == SERVFAIL
        assert "Traceback" not in rollcall.text


def test_no_kubeconfig_is_an_error_at_once(tmp_path):
    empty = tmp_path / "kubeconfig"
    empty.write_text(json.dumps({"apiVersion": "v1", "kind": "Config"}))
    with Rollcall(empty, tmp_path) as rollcall:
        eventually(lambda: rollcall.exit_code is not None, "its end")
    assert rollcall.exit_code == 1
    assert str(empty) in rollcall.text  # all of it is read now
    assert "Traceback" not in rollcall.text


def _says(rollcall: Rollcall, text: str) -> bool:
    return text in rollcall.text


def _says_all(rollcall: Rollcall, texts: list[str]) -> bool:
    return all(text in rollcall.text for text in texts)


class Questioner:
    """Asks all the time, from a new socket each time, and counts what was not answered as it should be."""

    def __init__(self, rollcall: Rollcall) -> None:
        self.unanswered = self.wrong = 0
        self._address = ("127.0.0.1", rollcall.ports["dns"])
        self._stop = threading.Event()
        self._gate, self._asking = threading.Lock(), threading.Lock()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Questioner":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @contextmanager
    def between_questions(self) -> Iterator[None]:
        """Hold questions back: what a worker has in hand dies with it, what waits in its socket doesn't."""
        with self._gate, self._asking:
            yield

    def _run(self) -> None:
        query = dns.message.make_query(NAME, "A").to_wire()
        while not self._stop.is_set():
            with self._gate:
                pass  # somebody who waits for the end of this question has it until the next one may begin
            with self._asking, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(SECONDS)  # as long as a new worker may take to start
                client.sendto(query, self._address)
                try:
                    answer = dns.message.from_wire(client.recv(4096))
                except TimeoutError:
                    self.unanswered += 1
                else:
                    self.wrong += not answer.answer
