"""What the parts here need of a client of the API server: KubeClient, or one in memory in the tests."""

from typing import Any, Protocol


class CreateApi(Protocol):
    """Makes objects."""

    async def create(self, path: str, body: object) -> Any:
        """POST an object to its collection."""


class StatusApi(Protocol):
    """Reads and writes statuses."""

    async def get(self, path: str) -> Any:
        """Read an object."""

    async def patch(self, path: str, body: object) -> Any:
        """Send a JSON merge patch; return the object as it then is."""
