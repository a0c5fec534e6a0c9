"""ControlPlane: a real Kubernetes API for tests, bench and demo, without containers.

    with ControlPlane() as plane:
        plane.kubectl("apply", "-f", "-", input=manifest)
        plane.workloads.make_pod("shop", "web-0", ip="10.1.0.7")

It starts an etcd and a kube-apiserver of its own, or uses the cluster of a kubeconfig that it is
given as an argument or in KUBECONFIG_FOR_TESTS; then it starts nothing and stops nothing.
"""

import contextlib
import os
import ssl
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from controlplane import commands
from controlplane.client import Client, path
from controlplane.controllers import DEFAULT_CONTROLLERS, ControllerManager
from controlplane.coredns import CoreDNS
from controlplane.errors import ControlPlaneError, NotOurs
from controlplane.folder import Folder
from controlplane.kubeconfig import read_access, write_kubeconfig
from controlplane.local import LocalPlane, with_free_port
from controlplane.pods import Workloads
from controlplane.programs import find
from controlplane.progress import Step

_COMMAND_TIMEOUT_SECONDS = 120.0


class ControlPlane:
    """A cluster's API; a context manager, or `start` and `stop`.

    After the start: `url`, `token` (None with client certificates), `kubeconfig` and `ca` (paths),
    `folder` (with the logs), `client` and `workloads`.
    """

    url: str
    token: str | None
    kubeconfig: Path
    ca: Path
    folder: Path
    client: Client
    workloads: Workloads

    def __init__(
        self,
        *,
        kubeconfig: str | Path | None = None,
        storage_json: bool = False,
        apiserver_flags: Sequence[str] = (),
        keep: bool = False,
    ) -> None:
        """Prepare, and start nothing yet.

        `storage_json` makes the API server store objects in etcd as JSON, for tests that read them
        there (`seed` does without); `keep` leaves the folder with data and logs behind.
        """
        given = kubeconfig or os.environ.get("KUBECONFIG_FOR_TESTS")
        self._given = Path(given).expanduser() if given else None
        self._storage_json = storage_json
        self._apiserver_flags = apiserver_flags
        self._keep = keep
        self._local: LocalPlane | None = None
        self._cleanup = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._local = None
        self._cleanup.__exit__(kind, error, trace)

    @property
    def ours(self) -> bool:
        """Whether we run this cluster ourselves, and so may break it."""
        return self._given is None

    def start(self) -> None:
        """Start the servers and wait until the API is ready.

        Raises ControlPlaneError; whatever had been started is stopped again.
        """
        with contextlib.ExitStack() as stack:
            self.folder = stack.enter_context(Folder(keep=self._keep)).path
            if self._given is None:
                self._start_local(stack)
            else:
                self._connect(self._given)
            stack.callback(self.client.close)
            self.workloads = Workloads(self.client)
            self._cleanup = stack.pop_all()

    def stop(self) -> None:
        """Stop all that was started, and remove the folder; nothing when it is stopped already."""
        self._cleanup.close()
        self._local = None

    def kubectl(
        self,
        *arguments: str,
        input: str | None = None,
        timeout_seconds: float = _COMMAND_TIMEOUT_SECONDS,
    ) -> str:
        """Run kubectl as the administrator and return its stdout; raises CommandFailed."""
        return self._run("kubectl", arguments, input, timeout_seconds)

    def helm(
        self,
        *arguments: str,
        input: str | None = None,
        timeout_seconds: float = _COMMAND_TIMEOUT_SECONDS,
    ) -> str:
        """Run helm as the administrator and return its stdout; raises CommandFailed."""
        return self._run("helm", arguments, input, timeout_seconds)

    def account_token(self, namespace: str, account: str, seconds: int = 3600) -> str:
        """Make a bound token of a service account, under which its RBAC is really enforced."""
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        }
        target = path("v1", "serviceaccounts", namespace, account) + "/token"
        return str(self.client.create(target, request)["status"]["token"])

    def account_kubeconfig(self, namespace: str, account: str, seconds: int = 3600) -> Path:
        """Write a kubeconfig for a service account, to run a program under the chart's own rights."""
        file = self.folder / f"{namespace}-{account}.kubeconfig"
        token = self.account_token(namespace, account, seconds)
        write_kubeconfig(file, self.url, self.ca.read_bytes(), token)
        return file

    def start_controllers(
        self, controllers: Sequence[str] = DEFAULT_CONTROLLERS, flags: Sequence[str] = ()
    ) -> ControllerManager:
        """Start kube-controller-manager with these controllers; stopped with the plane."""
        log = self.folder / "kube-controller-manager.log"
        program = find("kube-controller-manager")
        manager = with_free_port(lambda: ControllerManager(program, self.kubeconfig, log, controllers, flags))
        self._cleanup.callback(manager.stop)
        return manager

    def start_coredns(self, corefile: str) -> CoreDNS:
        """Start CoreDNS with a Corefile (see `CoreDNS`); stopped with the plane."""
        program = find("coredns")
        dns = with_free_port(lambda: CoreDNS(program, corefile, self.kubeconfig, self.folder))
        self._cleanup.callback(dns.stop)
        return dns

    @property
    def faults(self) -> LocalPlane:
        """The servers below, for what has no method here: `faults.etcd`, `faults.pids()`.

        Raises NotOurs for a cluster that somebody else runs.
        """
        if self._local is None:
            raise NotOurs("this needs a control plane of our own, and one that runs")
        return self._local

    def pause_apiserver(self) -> None:
        """Freeze the API server (SIGSTOP): connections stay open and nothing answers."""
        self.faults.pause_apiserver()

    def resume_apiserver(self) -> None:
        """Let a paused API server go on (SIGCONT)."""
        self.faults.resume_apiserver()

    def stop_apiserver(self, *, graceful: bool = True) -> None:
        """Stop the API server, which ends all watches; ungracefully, by SIGKILL."""
        self.faults.stop_apiserver(graceful=graceful)

    def start_apiserver(self) -> None:
        """Start it again with the same port and data, and wait until it is ready."""
        self.faults.start_apiserver()

    def compact_etcd(self, *, restart_apiserver: bool = True) -> int:
        """Forget history: all older resourceVersions answer 410 Gone. Returns the revision.

        Without the restart only continued lists do, as the API server still has recent events.
        """
        return self.faults.compact_etcd(restart_apiserver=restart_apiserver)

    def _start_local(self, stack: contextlib.ExitStack) -> None:
        local = LocalPlane(self.folder, storage_json=self._storage_json, extra_flags=self._apiserver_flags)
        stack.callback(local.stop)
        with Step("starting etcd and kube-apiserver", "the Kubernetes API is ready"):
            local.start()
        self._local = local
        self.url = f"https://127.0.0.1:{local.port}"
        self.token = local.credentials.token
        self.ca = local.credentials.ca
        self.kubeconfig = self.folder / "kubeconfig"
        write_kubeconfig(self.kubeconfig, self.url, self.ca.read_bytes(), self.token)
        context = ssl.create_default_context(cafile=str(self.ca))
        self.client = Client(self.url, context, self.token)

    def _connect(self, given: Path) -> None:
        if not given.is_file():
            raise ControlPlaneError(
                f"there is no kubeconfig {given}: unset KUBECONFIG_FOR_TESTS, or correct it"
            )
        access = read_access(given, find("kubectl"))
        self.url = access.url
        self.token = access.token
        self.kubeconfig = given
        self.ca = self.folder / "ca.crt"
        self.ca.write_bytes(access.ca or b"")
        self.client = Client(access.url, access.context, access.token)

    def _run(self, program: str, arguments: Sequence[str], input: str | None, timeout_seconds: float) -> str:
        return commands.run(
            program,
            arguments,
            self.kubeconfig,
            self.folder,
            input=input,
            timeout_seconds=timeout_seconds,
        )
