"""A whole list of one kind of object, page by page.

What is not whole is not a list: every page is of the kind that was asked for and of one version, and a page
that says that there is more says how to go on. Anything else is a failed list, whatever its status code, and
who reads it drops nothing that it lacks.

A page that is too long is asked for again with half as many objects: what a list takes in memory is bounded
by octets, however large its objects are.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Protocol

from rollcall.kube.errors import BadAnswer, PageTooLong
from rollcall.kube.paging import Paging

from .resource import Page, Resource
from .versions import Versions

PAGE_SIZE = 250
"""Decoding a page of pods holds the loop for 1.5 ms; larger pages hold it longer and are no faster."""

SLICE = 50
"""Objects of a page that are decoded at once, about a millisecond, before other tasks get their turn."""


class Transport(Protocol):
    """What is needed of a client of the API server: KubeClient, or a scripted server in tests."""

    async def list_page(self, path: str, params: Mapping[str, str]) -> bytes:
        """Read one page of a collection; raises PageTooLong where fewer objects have to be asked for."""

    def watch(self, path: str, params: Mapping[str, str]) -> AsyncGenerator[list[bytes], None]:
        """Follow a collection; an empty batch comes first, once the server has accepted."""


async def read_pages(
    client: Transport,
    resource: Resource[Any],
    path: str,
    params: Mapping[str, str],
    versions: Versions,
    *,
    size: int,
) -> AsyncGenerator[Page, None]:
    """Read the newest state of a collection, in pages of at most `size` objects.

    Raises:
        BadAnswer: a page is not one, or not of this list.
        KubeError: a page could not be had.
    """
    first: Page | None = None
    paging = Paging(size)
    asked = params
    while True:
        try:
            body = await client.list_page(path, {**asked, "limit": str(paging.limit)})
        except PageTooLong:
            paging.on_too_long()
            continue
        paging.on_page(len(body))
        page = resource.read_page(body)
        if first is None:
            first = page
            versions.check(page.version, asyncio.get_running_loop().time())
        elif page.version != first.version:
            raise BadAnswer(f"{path}: a page of version {page.version} in a list of version {first.version}")
        yield page
        if not page.continue_token:
            return
        asked = {**params, "continue": page.continue_token}
