"""How objects are named."""

import re
from typing import NamedTuple

API_GROUP = "rollcall.dev"
"""Of our own resources; our annotations begin with it, too."""

API_VERSION = f"{API_GROUP}/v1alpha1"
"""The API group of our own resources, and its version."""

OWNER_ANNOTATION = f"{API_GROUP}/owner"
"""Of a DiscoveryZone: the identity of the installation that a user gives it to."""

MANAGED_BY = "app.kubernetes.io/managed-by"
"""The label that says by what tool an object is managed."""

_HOST_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


class Key(NamedTuple):
    """Namespace and name of a namespaced object: of a pod, a service, a file."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


Seniority = tuple[str, Key]
"""When a service was created (RFC 3339), and which one it is: the first in order comes first."""


def is_host_label(text: str) -> bool:
    """Whether a text is one label of a host name (RFC 1123 section 2.1)."""
    return _HOST_LABEL.fullmatch(text) is not None
