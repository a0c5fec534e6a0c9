"""What every DNS server that we start has in common: a folder, a port, a process, a log."""

import socket
import struct
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from controlplane import programs
from controlplane.child import Child
from controlplane.errors import PortTaken
from controlplane.ports import free_port
from waiting import SECONDS

ADDRESS = "127.0.0.1"

_TRIES = 3
_HEADER = struct.Struct(">HHHHHH")
_NOERROR = 0


class Nameserver(ABC):
    """A DNS server on loopback, UDP and TCP on one port, with its state in a folder of its own.

    `zones` are those that have to be served before `start` returns; none for a secondary, whose primary may
    not be there yet. `files` are written when the server starts for the first time, so that what it made of
    them stays over a restart. `port` is final once `start` has returned; a given one is never changed.
    """

    program: str

    def __init__(
        self,
        folder: Path,
        config: str,
        *,
        zones: Sequence[str] = (),
        files: Mapping[str, str] | None = None,
        port: int | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.config = config
        self.zones = tuple(zones)
        self.address = ADDRESS
        self.port = port or free_port()
        self._port_is_given = port is not None
        self._files = dict(files or {})
        self._child: Child | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Self:
        """Start it, with the state of its last run if there was one; wait until it answers.

        Raises ProgramMissing without the program, PortTaken for a given port that somebody else has, and
        StartFailed, with the end of the log, when the server ends or doesn't answer.
        """
        assert not self.running
        self._write_files()
        tries = 1 if self._port_is_given else _TRIES
        while True:
            try:
                self._start_once()
            except PortTaken:
                tries -= 1
                if not tries:
                    raise
                self.port = free_port()
            else:
                self._port_is_given = True  # clients know it now
                return self

    def stop(self, grace_seconds: float = 10.0) -> None:
        """End it: SIGTERM, then SIGKILL; a grace of 0 kills at once, as a crash would."""
        if self._child is not None:
            self._child.stop(grace_seconds)
            self._child = None

    def restart(self) -> None:
        """Stop and start, with the configuration that `config` holds now."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Halt the process (SIGSTOP): the kernel still takes connections and datagrams for it."""
        self._running_child.pause()

    def resume(self) -> None:
        """Let a paused server go on."""
        self._running_child.resume()

    @property
    def running(self) -> bool:
        """Whether there is a process; a paused one is."""
        return self._child is not None and self._child.running

    @property
    def pid(self) -> int:
        """The process id."""
        return self._running_child.pid

    @property
    def log(self) -> str:
        """What the server has logged in all its runs."""
        file = self.folder / f"{self.program}.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def _start_once(self) -> None:
        self._claim_port()
        self._child = Child(self.program, self._prepare(), self.folder / f"{self.program}.log")
        try:
            self._child.wait_until(self._answers, SECONDS)
        except BaseException:
            self.stop(0)
            raise

    def _claim_port(self) -> None:
        """Raise PortTaken if somebody else has the port: named would go on without it, and he answer."""
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
        ):
            stream.setsockopt(
                socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
            )  # connections of the last run may linger
            try:
                stream.bind((self.address, self.port))
                datagrams.bind((self.address, self.port))
            except OSError as error:
                raise PortTaken(f"port {self.port} for {self.program} is not free: {error}") from None

    def _find(self) -> Path:
        return programs.find(self.program)

    @abstractmethod
    def _prepare(self) -> list[str | Path]:
        """Write the configuration for the port; return the command that starts the server."""

    def _write_files(self) -> None:
        for name, text in self._files.items():
            file = self.folder / name
            if not file.exists():
                file.write_text(text)

    @property
    def _running_child(self) -> Child:
        assert self._child is not None, f"{self.program} is not started"
        return self._child

    def _answers(self) -> bool:
        if not self.zones:
            return self._code("") is not None
        return all(self._code(zone) == _NOERROR for zone in self.zones)

    def _code(self, zone: str) -> int | None:
        """Ask for a zone's SOA over TCP, then UDP; return the response code of the latter, None without."""
        labels = [label.encode() for label in zone.rstrip(".").split(".") if label]
        name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
        query = _HEADER.pack(0x5243, 0, 1, 0, 0, 0) + name + struct.pack(">HH", 6, 1)
        try:
            with socket.create_connection((self.address, self.port), 1) as stream:
                stream.sendall(struct.pack(">H", len(query)) + query)
                if not stream.recv(2):
                    return None
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
                datagrams.settimeout(1)
                datagrams.connect((self.address, self.port))
                datagrams.send(query)
                return datagrams.recv(4096)[3] & 15
        except OSError:
            return None
