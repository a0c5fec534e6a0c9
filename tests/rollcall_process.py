"""Rollcall as its users run it: `rollcall run` in a process of its own, on free ports.

At its end its log is looked through for keys and tokens.
"""

import os
import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self

import dns.message
import dns.query
import dns.rdatatype

import key_material
from waiting import SECONDS, NotInTime, eventually

PROGRAM = Path(sys.executable).with_name("rollcall")
QUESTIONS = 20
"""That many questions reach each of two workers but for once in half a million times."""
ELECTION = (
    "--leader-elect",
    "--leader-elect-lease-duration=7s",
    "--leader-elect-renew-deadline=5s",
    "--leader-elect-retry-period=500ms",
)
"""For replicas that soon find out who leads; a busy machine still leaves time to renew the Lease."""
CHILDREN = ("rollcall.app", "rollcall.serve.worker", "rollcall.publish.transfer.process")
_LISTENING = re.compile(r"\b(dns|http|transfers) on (\S+?):(\d+)")


class Rollcall:
    """A running operator. `log` grows with what it says; `dns` and `http` are its ports."""

    def __init__(self, kubeconfig: Path, state_dir: Path, *options: str) -> None:
        self.log: list[str] = []
        self.ports: dict[str, int] = {}
        self._secrets = key_material.secrets(kubeconfig)
        self._expected = 2 + any(option.startswith("--transfer-listen") for option in options)
        self._process = subprocess.Popen(
            [
                PROGRAM,
                "run",
                f"--kubeconfig={kubeconfig}",
                "--dns-listen=127.0.0.1:0",
                "--http-listen=127.0.0.1:0",
                "--lameduck=0",
                f"--state-dir={state_dir}",
                "--generate-after=0s",  # tests wait for statuses
                *options,
            ],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"NO_COLOR": "1"},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        self.wait_listening()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def exit_code(self) -> int | None:
        """Its exit code, None while it runs."""
        return self._process.poll()

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the process that was started, as a kubelet or a terminal does."""
        self._process.send_signal(number)

    def stop(self) -> int:
        """End it orderly, by force if it must be; return its exit code. A second time does nothing."""
        self._process.terminate()
        try:
            code = self._process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.crash()
            raise
        self._finish_reading()
        return code

    def crash(self) -> None:
        """Kill everything at once, as a power cut would.

        The supervisor is halted until its children are gone: it starts none again, and none of them sees its
        end, which would have it stop in order.
        """
        self._process.send_signal(signal.SIGSTOP)
        children = [pid for name in CHILDREN for pid in self.pids(name)]
        for pid in (*children, self._process.pid):
            os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self._finish_reading()

    def pause(self, module: str = "rollcall.app") -> None:
        """Stop the execution of the control process, or of the first that runs another module.

        The supervisor stands still with it, as on a machine that does: it would replace one that hangs.
        """
        for pid in (self._process.pid, *self.pids(module)[:1]):
            os.kill(pid, signal.SIGSTOP)

    def resume(self, module: str = "rollcall.app") -> None:
        """Let it go on, the supervisor last."""
        for pid in (*self.pids(module)[:1], self._process.pid):
            os.kill(pid, signal.SIGCONT)

    def metric(self, name: str) -> float:
        """Return the sum of a metric over its labels, 0 where it has no value."""
        lines = self.get("/metrics")[1].splitlines()
        return sum(float(line.split()[-1]) for line in lines if re.match(rf"{name}[{{ ]", line))

    def kill_supervisor(self) -> None:
        """Kill the process that was started, and none of its children."""
        self._process.kill()
        self._process.wait()
        self._finish_reading()

    def _finish_reading(self) -> None:
        self._reader.join()
        assert self._process.stderr is not None
        self._process.stderr.close()
        key_material.check_untold(self._secrets, self.text, "the log of `rollcall run`")

    def pids(self, module: str) -> list[int]:
        """Return the processes of this operator that run a module."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
        return [int(pid) for pid in children.split() if module in _command_line(pid)]

    def ask(self, name: str, rdtype: str = "A", *, tcp: bool = False) -> dns.message.Message:
        """Ask the DNS server."""
        query = dns.message.make_query(name, rdtype)
        send = dns.query.tcp if tcp else dns.query.udp
        return send(query, "127.0.0.1", port=self.ports["dns"], timeout=SECONDS)

    def answers(self, name: str, rdtype: str = "A") -> set[str]:
        """Return the records of an answer, as text; none where there is none or an error."""
        wanted = dns.rdatatype.from_text(rdtype)
        return {
            record.to_text()
            for rrset in self.ask(name, rdtype).answer
            if rrset.rdtype == wanted
            for record in rrset
        }

    def get(self, path: str) -> tuple[int, str, dict[str, str]]:
        """GET a page; return its status, body and headers."""
        url = f"http://127.0.0.1:{self.ports['http']}{path}"
        try:
            with urllib.request.urlopen(url, timeout=70) as response:  # our own server
                return response.status, response.read().decode(), dict(response.headers)
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), dict(error.headers)

    def wait_listening(self) -> None:
        """Wait until its ports are known, or it has ended."""
        try:
            eventually(lambda: self.exit_code is not None or len(self.ports) == self._expected, "its ports")
        except NotInTime:
            self.crash()
            raise

    def wait_ready(self) -> None:
        """Wait until it answers."""
        eventually(lambda: self.get("/readyz")[0] == 200, lambda: f"ready; its log:\n{self.text}")

    def wait_answers(self, name: str, expected: set[str], rdtype: str = "A") -> None:
        """Wait until a name is answered with these records, by each worker.

        The kernel picks the worker by the client's port, which is another one for each question.
        """
        eventually(
            lambda: all(self.answers(name, rdtype) == expected for _ in range(QUESTIONS)),
            lambda: f"{name} {rdtype} = {sorted(expected)}, still {sorted(self.answers(name, rdtype))}",
        )

    @property
    def text(self) -> str:
        """All that it has logged."""
        return "\n".join(self.log)

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.log.append(line.rstrip())
            for what, _, port in _LISTENING.findall(line):
                self.ports[what] = int(port)


def _command_line(pid: str) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return []  # it has just ended
