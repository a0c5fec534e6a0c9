"""Rollcall with the publication gate, and another DNS server that its zone goes to."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from controlplane import ControlPlane
from nameservers import Bind
from rollcall_process import ELECTION, Rollcall
from waiting import eventually

PODS = 10
TTL = 1
LOOKS = 200
"""That often a client looks around: for two seconds."""


class Stage:
    """A service, and who tells of it. `name` is its name in DNS; `rollcall` runs from the beginning."""

    rollcall: Rollcall

    def __init__(self, plane: ControlPlane, namespace: str, name: str, bind: Bind, folder: Path) -> None:
        self.name = name
        self.bind = bind
        self._kubeconfig = plane.kubeconfig
        self._options = ("--publication-gate", f"--operator-namespace={namespace}", "--dns-workers=2")
        self._folder = folder

    def start(self, *options: str, state: str = "state") -> Rollcall:
        """Run Rollcall; the same `state` is the same folder on disk."""
        folder = self._folder / state
        folder.mkdir(exist_ok=True)
        return Rollcall(self._kubeconfig, folder, *self._options, *options)

    @contextmanager
    def replicas(self) -> Iterator[tuple[Rollcall, Rollcall]]:
        """Run two in the place of the one: the first leads, the other one leads after it."""
        self.rollcall.stop()
        with self.start(*ELECTION, state="first") as first:
            eventually(lambda: first.metric("rollcall_leader") == 1, "it leads")
            with self.start(*ELECTION, state="second") as second:
                second.wait_ready()
                yield first, second
                assert second.metric("rollcall_leader") == 1
            assert "Traceback" not in second.text, second.text
