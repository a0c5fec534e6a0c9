"""How objects are named."""

from typing import NamedTuple


class Key(NamedTuple):
    """Namespace and name of a namespaced object: of a pod, a service, a file."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"
