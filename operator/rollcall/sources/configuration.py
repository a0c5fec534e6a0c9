"""The DiscoveryZones and DiscoveryFiles: kopf tells of changes, a full list tells what there is.

See docs/adr/0001-kopf-for-the-control-path.md for why there are two of them.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Never

from rollcall.kube.backoff import Backoff
from rollcall.kube.credentials import Credentials
from rollcall.kube.errors import KubeError, reason_of
from rollcall.model import DiscoveryFile, DiscoveryZone, Key
from rollcall.model.metric import MetricFamily, single
from rollcall.watch.pages import Transport
from rollcall.watch.resource import DISCOVERY_FILES, DISCOVERY_ZONES, Item, Resource
from rollcall.watch.versions import Versions

from .full_list import read_full_list
from .kopf_thread import KopfThread
from .store import Store

log = logging.getLogger(__name__)

FULL_LIST_SECONDS = 300.0
UNWATCHED_LIST_SECONDS = 5.0
"""Between two lists while kopf is down, or up so short a time that it may not be watching yet."""

SETTLED_SECONDS = 15.0
RESTART_SECONDS = (1.0, 60.0)


class Configuration:
    """Both kinds, for as long as it runs.

    `on_zone` and `on_file` are called in the event loop with each new state of an object, and with None for
    one that is gone. Nothing may be published before `synced`: until then there may be more of them.

    Attributes for metrics and status, all for reading only:
        synced: set once both kinds have been listed; it stays set.
        trouble: the error that the list is retried after, None while all is well.
        restarts: how often kopf had to be started again.
        failed_lists: full lists that failed, by reason.
    """

    def __init__(
        self,
        client: Transport,
        credentials: Credentials,
        on_zone: Callable[[Key, DiscoveryZone | None], None],
        on_file: Callable[[Key, DiscoveryFile | None], None],
        *,
        namespace: str | None = None,
    ) -> None:
        self.synced = asyncio.Event()
        self.trouble: KubeError | None = None
        self.restarts = 0
        self.failed_lists: Counter[str] = Counter()
        self._client = client
        self._credentials = credentials
        self._namespace = namespace
        self._stores: dict[Resource[Any], Store[Any]] = {
            DISCOVERY_ZONES: Store(on_zone),
            DISCOVERY_FILES: Store(on_file),
        }
        self._versions = {resource: Versions() for resource in self._stores}
        self._list_now = asyncio.Event()
        self._listed = asyncio.Event()
        self._watched_since: float | None = None

    @property
    def malformed(self) -> Mapping[str, str]:
        """What is wrong with objects whose newest state can't be read, by kind and name."""
        return {
            f"{resource} {_name(key)}": problem
            for resource, store in self._stores.items()
            for key, problem in store.malformed.items()
        }

    def families(self) -> Iterator[MetricFamily]:
        """Describe what is counted here."""
        yield single(
            "rollcall_kopf_restarts_total",
            "How often the control path had to be started again.",
            lambda: self.restarts,
            is_counter=True,
        )
        yield MetricFamily(
            "rollcall_configuration_failed_lists_total",
            "Lists of all DiscoveryZones and DiscoveryFiles that failed.",
            ("reason",),
            lambda: [((reason,), number) for reason, number in self.failed_lists.items()],
            is_counter=True,
        )

    async def run(self) -> Never:
        """Follow both kinds until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._run_kopf(), name="kopf")
            backoff = Backoff()
            while True:
                self._list_now.clear()
                try:
                    for resource in self._stores:
                        await self._list(resource)
                except KubeError as error:
                    seconds = self._failed(error, backoff)
                else:
                    seconds = self._succeeded()
                    backoff.reset()
                try:
                    async with asyncio.timeout(seconds):
                        await self._list_now.wait()
                except TimeoutError:
                    pass

    async def _list(self, resource: Resource[Any]) -> None:
        store = self._stores[resource]
        store.begin_full_list()
        listed = await read_full_list(self._client, resource, self._namespace, self._versions[resource])
        for item in store.end_full_list(listed):
            _tell_malformed(resource, item)

    def _succeeded(self) -> float:
        """Note that both kinds were listed; return the seconds until the next list."""
        if self.trouble is not None:
            log.info("the zones and files can be listed again")
            self.trouble = None
        if not self.synced.is_set():
            counts = [f"{resource}: {len(known.objects)}" for resource, known in self._stores.items()]
            log.info("configuration: synced, %s", ", ".join(counts))
            self.synced.set()
        self._listed.set()
        return FULL_LIST_SECONDS if self._is_settled() else UNWATCHED_LIST_SECONDS

    def _failed(self, error: KubeError, backoff: Backoff) -> float:
        if type(error) is not type(self.trouble):
            log.warning("the zones and files can't be listed, trying again until it works: %s", error)
        self.trouble = error
        self.failed_lists[reason_of(error)] += 1
        self._listed.clear()
        return backoff.next_seconds()

    def _is_settled(self) -> bool:
        since = self._watched_since
        return since is not None and asyncio.get_running_loop().time() - since >= SETTLED_SECONDS

    async def _run_kopf(self) -> Never:
        """Keep kopf running; lists follow at short intervals while it isn't."""
        loop = asyncio.get_running_loop()
        backoff = Backoff(*RESTART_SECONDS)
        while True:
            # It looks only once for the kinds that it is to watch: they have to be there.
            await self._listed.wait()
            self._watched_since = started = loop.time()
            control = KopfThread(self._credentials, self._on_item, namespace=self._namespace)
            error = await control.run()
            self._watched_since = None
            self._list_now.set()
            self.restarts += 1
            if loop.time() - started >= SETTLED_SECONDS:
                backoff.reset()
            seconds = backoff.next_seconds()
            log.warning(
                "kopf ended and is started again in %.0f s; changes of zones and files are found by listing"
                " them until then: %r",
                seconds,
                error,
            )
            await asyncio.sleep(seconds)

    def _on_item(self, resource: Resource[Any], item: Item[Any], is_deleted: bool) -> None:
        store = self._stores[resource]
        if is_deleted:
            store.remove(item.key, item.uid)
        elif store.put(item):
            _tell_malformed(resource, item)


def _tell_malformed(resource: Resource[Any], item: Item[Any]) -> None:
    log.warning("%s %s can't be read, its last good state stays: %s", resource, _name(item.key), item.problem)


def _name(key: Key) -> str:
    return str(key).lstrip("/")
