"""What the parts here need of a client of the API server: KubeClient, or one in memory in the tests."""

from collections.abc import Mapping
from typing import Any, Protocol


class CreateApi(Protocol):
    """Makes objects."""

    async def create(self, path: str, body: object) -> Any:
        """POST an object to its collection."""


class InstanceApi(Protocol):
    """Makes ServiceInstances, writes of their metadata what is ours, and deletes them."""

    async def get(self, path: str) -> Any:
        """Read an object."""

    async def create(self, path: str, body: object, params: Mapping[str, str]) -> Any:
        """POST an object to its collection; return it as it then is."""

    async def patch(self, path: str, body: object, *, params: Mapping[str, str]) -> Any:
        """Send a JSON merge patch; return the object as it then is."""

    async def delete(self, path: str, options: object) -> Any:
        """DELETE an object, with these DeleteOptions."""


class StatusApi(Protocol):
    """Reads and writes statuses."""

    async def get(self, path: str) -> Any:
        """Read an object."""

    async def patch(self, path: str, body: object) -> Any:
        """Send a JSON merge patch; return the object as it then is."""
