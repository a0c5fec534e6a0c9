"""A CoreDNS on loopback: for comparison, or as a secondary of our zones."""

import socket
import struct
from pathlib import Path

from controlplane.child import Child
from controlplane.ports import free_port

_START_TIMEOUT_SECONDS = 60.0
_QUERY = struct.pack(">HHHHHH", 0x5243, 0, 1, 0, 0, 0) + b"\x00" + struct.pack(">HH", 6, 1)
"""A question for the root's SOA: any answer, even a refusal, says that it serves."""


class CoreDNS:
    """A running CoreDNS.

    Its Corefile says `.:{$DNS_PORT}`, `bind 127.0.0.1`, and where it needs them
    `kubeconfig {$KUBECONFIG}` and `{$FOLDER}` for files: CoreDNS fills these in.

    Raises PortTaken when its port was taken meanwhile, StartFailed otherwise.
    """

    def __init__(self, program: Path, corefile: str, kubeconfig: Path | None, folder: Path) -> None:
        self.port = free_port()
        file = folder / f"Corefile-{self.port}"
        file.write_text(corefile)
        environment = {"DNS_PORT": str(self.port), "FOLDER": str(folder)}
        if kubeconfig is not None:
            environment["KUBECONFIG"] = str(kubeconfig)
        self.child = Child(
            "coredns", [program, "-conf", file], folder / f"coredns-{self.port}.log", environment
        )
        try:
            self.child.wait_until(self._answers, _START_TIMEOUT_SECONDS)
        except BaseException:
            self.child.stop(0)
            raise

    def stop(self) -> None:
        """End it."""
        self.child.stop()

    def _answers(self) -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(0.5)
            try:
                probe.connect(("127.0.0.1", self.port))
                probe.send(_QUERY)
                return len(probe.recv(512)) >= len(_QUERY) - 5
            except OSError:
                return False
