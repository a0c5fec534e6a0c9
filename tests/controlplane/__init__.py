"""A real Kubernetes API on one machine, without containers, for tests, bench and demo.

Nothing but the standard library is needed. See README.md.
"""

from controlplane.client import Client, path
from controlplane.controllers import ControllerManager
from controlplane.coredns import CoreDNS
from controlplane.errors import (
    ApiError,
    CommandFailed,
    ControlPlaneError,
    FetchFailed,
    NotOurs,
    PortTaken,
    ProgramMissing,
    StartFailed,
)
from controlplane.kubelet import Kubelet
from controlplane.plane import ControlPlane
from controlplane.pods import Acknowledged, Workloads
from controlplane.podworker import reached_at

__all__ = [
    "Acknowledged",
    "ApiError",
    "Client",
    "CommandFailed",
    "ControlPlane",
    "ControlPlaneError",
    "ControllerManager",
    "CoreDNS",
    "FetchFailed",
    "Kubelet",
    "NotOurs",
    "PortTaken",
    "ProgramMissing",
    "StartFailed",
    "Workloads",
    "path",
    "reached_at",
]
