"""A client of the API server through a proxy that breaks what it says."""

from collections.abc import AsyncIterator

import pytest

from rollcall.kube.client import KubeClient
from rollcall.kube.credentials import Credentials


@pytest.fixture
async def proxied_client(proxied: Credentials) -> AsyncIterator[KubeClient]:
    async with KubeClient(proxied) as made:
        yield made
