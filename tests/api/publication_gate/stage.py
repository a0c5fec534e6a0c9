"""Rollcall with the publication gate, and another DNS server that its zone goes to."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from controlplane import ControlPlane
from controlplane.ports import free_port
from nameservers import DOMAIN, Bind
from rollcall_process import ELECTION, Rollcall
from waiting import eventually

PODS = 10
TTL = 1
LOOKS = 200
"""That often a client looks around: for two seconds."""


class Stage:
    """Who tells of a service: they are there for a file, and each test has a namespace of its own.

    `name` is the service's in DNS; `rollcall` runs when a test begins.
    """

    rollcall: Rollcall
    name = ""

    def __init__(self, plane: ControlPlane, home: str, bind: Bind, folder: Path) -> None:
        self.bind = bind
        self._kubeconfig = plane.kubeconfig
        self._options = ("--publication-gate", f"--operator-namespace={home}", "--dns-workers=2")
        self._folder = folder
        self.rollcall = self.start()

    def enter(self, namespace: str) -> None:
        """Begin a test; what the previous one has ended is started again."""
        self.name = f"web.{namespace}.{DOMAIN}"
        if self.rollcall.exit_code is not None:
            self.rollcall = self.start()
        self.rollcall.wait_listening()
        self.rollcall.wait_ready()

    def start(self, *options: str, state: str = "state") -> Rollcall:
        """Run Rollcall; the same `state` is the same folder on disk.

        Hooks go on asking at its port after it has ended: no connection is to be given that meanwhile.
        """
        folder = self._folder / state
        folder.mkdir(exist_ok=True)
        http = f"--http-listen=127.0.0.1:{free_port()}"
        return Rollcall(self._kubeconfig, folder, *self._options, http, *options)

    @contextmanager
    def replicas(self) -> Iterator[tuple[Rollcall, Rollcall]]:
        """Run two in the place of the one: the first leads, the other one leads after it."""
        self.rollcall.stop()
        with self.start(*ELECTION, state=f"{self.name}-first") as first:
            eventually(lambda: first.metric("rollcall_leader") == 1, "it leads")
            with self.start(*ELECTION, state=f"{self.name}-second") as second:
                second.wait_ready()
                yield first, second
                assert second.metric("rollcall_leader") == 1
            assert "Traceback" not in second.text, second.text
