"""Waiting until a kind of object can be listed: until it is installed, and we may read it."""

import asyncio
from collections.abc import Callable

from rollcall.kube.backoff import Backoff
from rollcall.kube.errors import KubeError
from rollcall.watch.pages import Transport

CHECK_SECONDS = 15.0
"""Between two checks for a kind that isn't installed, or that we may not list."""


async def until_listable(
    client: Transport,
    path: str,
    explain: Callable[[KubeError], str | None],
    tell: Callable[[str], None],
) -> None:
    """Return when a collection could be listed.

    `explain` gets each error, and returns what is missing in the cluster; None of what may pass by itself.
    `tell` is called with why it can't be listed, when that is another reason than before.
    """
    backoff = Backoff()
    told = ""
    while True:
        try:
            await client.list_page(path, {"limit": "1"})
            return
        except KubeError as error:
            missing = explain(error)
            news = missing or str(error)
            wait_seconds = CHECK_SECONDS if missing else backoff.next_seconds()
        if news != told:
            tell(news)
            told = news
        await asyncio.sleep(wait_seconds)
