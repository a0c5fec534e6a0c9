"""What the API server counts of the calls that it got."""

import re

from controlplane import ControlPlane

RESOURCES = (
    "pods",
    "services",
    "serviceinstances",
    "discoveryzones",
    "discoveryfiles",
    "secrets",
    "configmaps",
)
"""Those that Rollcall reads. Only these are counted: the API server lists others for itself."""

_LIST = re.compile(
    r'^apiserver_request_total\{(?=[^}]*verb="LIST")[^}]*resource="(\w+)"[^}]*\} (\S+)$', re.MULTILINE
)


def lists(plane: ControlPlane) -> int:
    """Return how many lists of the resources that Rollcall reads were asked for."""
    return count_lists(plane.kubectl("get", "--raw", "/metrics"))


def count_lists(metrics: str) -> int:
    """Count lists in the API server's metrics."""
    return sum(int(float(value)) for resource, value in _LIST.findall(metrics) if resource in RESOURCES)
