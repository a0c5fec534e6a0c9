"""An etcd and a kube-apiserver of our own on loopback, and the faults that can be done to them."""

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from controlplane import apiserver, programs
from controlplane.child import Child
from controlplane.errors import NotOurs, PortTaken
from controlplane.etcd import Etcd
from controlplane.ports import free_port

_PORT_TRIES = 5
_SAME_PORT_SECONDS = 15.0

Server = TypeVar("Server")


class LocalPlane:
    """The two servers.

    `start` and `stop` are called once each. The API server may be stopped and started in between,
    and comes back on the same port with the same data, or with those that `restore_etcd` puts there.
    """

    def __init__(self, folder: Path, *, storage_json: bool, extra_flags: Sequence[str]) -> None:
        self._folder = folder
        self._storage_json = storage_json
        self._extra_flags = list(extra_flags)
        self._program = programs.find("kube-apiserver")
        self._etcd_program = programs.find("etcd")
        self._etcd: Etcd | None = None
        self._apiserver: Child | None = None
        self.port = 0
        self.credentials = apiserver.make_credentials(folder)

    @property
    def etcd(self) -> Etcd:
        """The running etcd."""
        if self._etcd is None:
            raise NotOurs("etcd is not running: start the control plane first")
        return self._etcd

    def start(self) -> None:
        """Start both, and wait until the API is ready."""
        self._etcd = with_free_port(lambda: Etcd(self._etcd_program, self._folder))
        with_free_port(self._start_on_new_port)

    def stop(self) -> None:
        """Stop both; the API server first, since without its etcd it hangs in its shutdown."""
        self.stop_apiserver()
        if self._etcd is not None:
            self._etcd.child.stop()
            self._etcd = None

    def pids(self) -> dict[str, int]:
        """Return the process ids of the servers that run."""
        children = [self._apiserver, self._etcd.child if self._etcd else None]
        return {child.name: child.pid for child in children if child is not None}

    def pause_apiserver(self) -> None:
        """Freeze the API server: connections stay open, and nothing answers."""
        self._running_apiserver().pause()

    def resume_apiserver(self) -> None:
        """Let it go on."""
        self._running_apiserver().resume()

    def stop_apiserver(self, *, graceful: bool = True) -> None:
        """Stop the API server; ungracefully, its connections are reset by the kernel."""
        if self._apiserver is not None:
            self._apiserver.stop(10.0 if graceful else 0.0)
            self._apiserver = None

    def start_apiserver(self) -> None:
        """Start it again on its port, and wait until it is ready; nothing when it runs."""
        if self._apiserver is not None:
            return
        deadline = time.monotonic() + _SAME_PORT_SECONDS
        while True:
            try:
                self._start_on(self.port)
                return
            except PortTaken:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def compact_etcd(self, *, restart_apiserver: bool) -> int:
        """Compact etcd's history, and return the revision up to which it is gone.

        The API server keeps recent events in memory and goes on serving watches from them: only
        after a restart do all older resourceVersions get their 410.
        """
        if restart_apiserver:
            self.stop_apiserver()
        revision = self.etcd.compact()
        if restart_apiserver:
            self.start_apiserver()
        return revision

    def back_up_etcd(self) -> Path:
        """Copy etcd's data while both servers are stopped, and return where the copy is."""
        copy = self._folder / f"etcd-backup-{time.monotonic_ns()}"
        with self._etcd_stopped() as data:
            shutil.copytree(data, copy)
        return copy

    def restore_etcd(self, copy: Path) -> None:
        """Put a copy in the place of etcd's data: history goes back, and on from there."""
        with self._etcd_stopped() as data:
            shutil.rmtree(data)
            shutil.copytree(copy, data)

    @contextlib.contextmanager
    def _etcd_stopped(self) -> Iterator[Path]:
        """Stop both servers for the length of the block, which gets the folder of etcd's data."""
        self.stop()
        yield self._folder / "etcd"
        self._etcd = with_free_port(lambda: Etcd(self._etcd_program, self._folder))
        self.start_apiserver()

    def _running_apiserver(self) -> Child:
        if self._apiserver is None:
            raise NotOurs("kube-apiserver is not running: call start_apiserver first")
        return self._apiserver

    def _start_on_new_port(self) -> None:
        self.port = free_port()
        self._start_on(self.port)

    def _start_on(self, port: int) -> None:
        arguments = apiserver.flags(self.etcd.url, port, self.credentials, storage_json=self._storage_json)
        self._apiserver = apiserver.start(
            self._program,
            port,
            self.credentials,
            [*arguments, *self._extra_flags],
            self._folder / "kube-apiserver.log",
        )


def with_free_port(start: Callable[[], Server]) -> Server:
    """Start a server that chooses its own ports, and again when somebody was quicker."""
    for _ in range(_PORT_TRIES - 1):
        try:
            return start()
        except PortTaken:
            continue
    return start()
