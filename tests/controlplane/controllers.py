"""A kube-controller-manager with only some of its controllers, for what a bare API lacks.

EndpointSlices are for the comparison with CoreDNS. The controller that writes them skips pods
whose Node object is missing: make the nodes.
"""

import ssl
from collections.abc import Sequence
from pathlib import Path

from controlplane import probe
from controlplane.child import GO_MEMORY, Child
from controlplane.ports import free_port

DEFAULT_CONTROLLERS = ("endpointslice-controller", "endpointslice-mirroring-controller")

_START_TIMEOUT_SECONDS = 180.0


class ControllerManager:
    """A running kube-controller-manager, without leader election.

    Raises PortTaken when its port was taken meanwhile, StartFailed otherwise.
    """

    def __init__(
        self,
        program: Path,
        kubeconfig: Path,
        log: Path,
        controllers: Sequence[str] = DEFAULT_CONTROLLERS,
        flags: Sequence[str] = (),
    ) -> None:
        self._port = free_port()
        command: list[str | Path] = [
            program,
            f"--kubeconfig={kubeconfig}",
            f"--controllers={','.join(controllers)}",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            f"--secure-port={self._port}",
            *flags,
        ]
        self.child = Child("kube-controller-manager", command, log, GO_MEMORY)
        try:
            self.child.wait_until(self._healthy, _START_TIMEOUT_SECONDS)
        except BaseException:
            self.child.stop(0)
            raise

    def stop(self) -> None:
        """End it."""
        self.child.stop()

    def _healthy(self) -> bool:
        """Its certificate lives in its memory only, so there is nothing to verify it with."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return probe.get(self._port, "/healthz", context) is not None
