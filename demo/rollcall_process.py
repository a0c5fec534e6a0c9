"""Rollcall itself, started as a user would: `rollcall run`, with its log in a file."""

import http.client
import os
import re
import subprocess
import sys
from pathlib import Path

from controlplane import ControlPlane, ControlPlaneError
from controlplane.child import Child
from demo.errors import RollcallFailed

PROGRAM = Path(sys.executable).with_name("rollcall")

_START_TIMEOUT_SECONDS = 30.0
_COMMAND_TIMEOUT_SECONDS = 30.0
_STOP_TIMEOUT_SECONDS = 30.0
_TAIL_LINES = 25
_LISTENING = re.compile(r"\b(dns|http) on (\S+?),?(?:\s|$)")


class Rollcall:
    """A running Rollcall; `dns` and `http` are the addresses that it listens on, as host:port.

    Raises RollcallFailed, with the end of the log, when it is not ready in time.
    """

    def __init__(self, plane: ControlPlane) -> None:
        self._environment = {"KUBECONFIG": str(plane.kubeconfig)}
        self.log = plane.folder / "rollcall.log"
        command: list[str | Path] = [PROGRAM, "run", f"--kubeconfig={plane.kubeconfig}"]
        command += ["--dns-listen=127.0.0.1:0", "--http-listen=127.0.0.1:0", "--lameduck=0"]
        command += ["--generate-after=0", f"--state-dir={plane.folder / 'rollcall-state'}"]
        self._child = Child("rollcall", command, self.log)
        try:
            self._child.wait_until(lambda: len(self._addresses()) == 2, _START_TIMEOUT_SECONDS)
            addresses = self._addresses()
            self.dns, self.http = addresses["dns"], addresses["http"]
            self._child.wait_until(self._ready, _START_TIMEOUT_SECONDS)
        except ControlPlaneError as error:
            self.stop()
            raise RollcallFailed(f"Rollcall did not start: {error}", self.tail()) from None
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it, orderly, with what it has started."""
        self._child.stop(_STOP_TIMEOUT_SECONDS)

    def tail(self) -> str:
        """Return the end of the log."""
        lines = self._child.output().splitlines()[-_TAIL_LINES:]
        return "\n".join(["The end of Rollcall's log:", *(f"  {line}" for line in lines)])

    def run(self, *arguments: str) -> str:
        """Run a subcommand of rollcall and return what it said.

        Raises RollcallFailed when it exits non-zero or takes too long.
        """
        shown = f"rollcall {' '.join(arguments)}"
        try:
            done = subprocess.run(
                [PROGRAM, *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_COMMAND_TIMEOUT_SECONDS,
                env=os.environ | self._environment,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise RollcallFailed(f"`{shown}` took longer than {_COMMAND_TIMEOUT_SECONDS:.0f} s") from None
        if done.returncode:
            raise RollcallFailed(
                f"`{shown}` ended with {done.returncode}: {done.stderr.strip()}", self.tail()
            )
        return done.stdout

    def _addresses(self) -> dict[str, str]:
        return dict(_LISTENING.findall(self._child.output()))

    def _ready(self) -> bool:
        connection = http.client.HTTPConnection(self.http, timeout=1.0)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.client.OK
        except OSError:
            return False
        finally:
            connection.close()
