"""kopf, for the resources of which there are few: DiscoveryZones and DiscoveryFiles.

It runs in a thread with an event loop of its own, for two reasons: at its end it cancels every task of its
loop that is younger than itself, and it ends on ordinary errors of the API server (a 500 inside a watch
stream, an expired list). Whoever runs this starts it again.

How it ends is ours to say, not kopf's: it waits without a limit for its tasks, and a watch that is cancelled
while the task that would pause it ends takes the one for the other and goes on.

Only `on.event` handlers are registered. With those alone kopf writes nothing: no finalizer, no annotation.
"""

import asyncio
import concurrent.futures
import contextlib
import logging
import threading
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import aiohttp
import msgspec

from rollcall.kube.credentials import Access, Credentials
from rollcall.kube.errors import CredentialsError, KubeError
from rollcall.watch.reflector import INACTIVITY_SECONDS
from rollcall.watch.resource import DISCOVERY_FILES, DISCOVERY_ZONES, Item, Resource

from .kopf_logs import relayed

if TYPE_CHECKING:
    import kopf

log = logging.getLogger(__name__)

WATCHED: tuple[Resource[Any], ...] = (DISCOVERY_ZONES, DISCOVERY_FILES)

STOP_SECONDS = 2.0
CANCEL_SECONDS = 0.75
AGAIN_SECONDS = 0.05
REQUEST_SECONDS = 30.0
CONNECT_SECONDS = 10.0
LOGIN_RETRY_SECONDS = 5.0
WATCH_SECONDS = 600

_left_behind = set[asyncio.Task[Any]]()
"""Tasks of kopf that would not end. Were they forgotten, Python would close their coroutines, and print a
traceback for each that waits for something even then."""

OnItem = Callable[[Resource[Any], Item[Any], bool], None]
"""Is told of an object that was seen, and whether it was deleted."""

R = TypeVar("R")


class KopfThread:
    """One run of kopf. `on_item` is called in the event loop that runs `run`.

    `namespace` limits it to the DiscoveryFiles of one; DiscoveryZones belong to none.
    """

    def __init__(self, credentials: Credentials, on_item: OnItem, *, namespace: str | None = None) -> None:
        self._credentials = credentials
        self._on_item = on_item
        self._namespace = namespace
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._error: BaseException | None = None
        # Of kopf's thread, from here on:
        self._kopf_loop = asyncio.new_event_loop()
        self._tasks = set[asyncio.Task[Any]]()
        self._stop = asyncio.Event()
        self._access: Access | None = None
        self._sessions: list[aiohttp.ClientSession] = []

    async def run(self) -> BaseException | None:
        """Run kopf until it ends; return what it ended with. Cancel this to stop it."""
        thread = threading.Thread(target=self._in_thread, name="kopf", daemon=True)
        thread.start()
        try:
            await self._ended.wait()
        finally:
            _call(self._kopf_loop, self._stop.set)
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    await self._ended.wait()
            except TimeoutError:
                log.warning("kopf has not stopped after %.0f s and is left behind", STOP_SECONDS)
        return self._error

    def _in_thread(self) -> None:
        loop = self._kopf_loop
        asyncio.set_event_loop(loop)
        loop.set_task_factory(self._create_task)
        # What kopf leaves behind when it is cancelled is of no interest to anybody.
        loop.set_exception_handler(lambda _, context: log.debug("kopf: %s", context["message"]))
        try:
            with relayed(self._unresolved, self._stop.is_set):
                try:
                    loop.run_until_complete(self._operate())
                finally:
                    self._stop.set()
                    loop.run_until_complete(self._wind_up())
        except BaseException as error:
            self._error = self._error or error
        finally:
            _left_behind.update(self._tasks)
            loop.close()
            _call(self._loop, self._ended.set)

    def _create_task(
        self, loop: asyncio.AbstractEventLoop, work: Any, /, **options: Any
    ) -> "asyncio.Task[Any]":
        """Make a task, and hold it until it is done.

        A loop doesn't. One of kopf's waits for an event that nobody else knows: once kopf's list of them is
        gone, the garbage collector, in whatever thread, would close its coroutine, which waits even then.
        """
        task = asyncio.Task(work, loop=loop, **options)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _unresolved(self) -> None:
        self._error = LookupError("our kinds are not served yet")
        self._stop.set()

    async def _operate(self) -> None:
        import kopf  # only here: no other command of ours needs to pay for it

        registry = kopf.OperatorRegistry()
        kopf.on.login(registry=registry)(self._login)
        for resource in WATCHED:
            group, version = resource.group_version.split("/")
            observe = kopf.on.event(group, version, resource.plural, registry=registry)
            observe(self._observer(resource))
        tasks = await kopf.spawn_tasks(
            registry=registry,
            settings=_settings(),
            standalone=True,
            clusterwide=self._namespace is None,
            namespaces=[self._namespace] if self._namespace else [],
        )
        stopped = asyncio.create_task(self._stop.wait())
        done, _ = await asyncio.wait({stopped, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopped}:
            task.result()

    async def _wind_up(self) -> None:
        """Close kopf's connections and end all that it has started."""
        # In this order: a response that is cancelled first would wait for the server to close it.
        await self._close_sessions()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CANCEL_SECONDS):
                await end_other_tasks()
        await self._close_sessions()  # kopf may have logged in anew when it lost the first
        async with asyncio.timeout(CANCEL_SECONDS):
            await asyncio.get_running_loop().shutdown_asyncgens()

    async def _close_sessions(self) -> None:
        for session in self._sessions:
            await session.close()

    def _observer(self, resource: Resource[Any]) -> Callable[..., Coroutine[None, None, None]]:
        async def observe(event: "kopf.RawEvent", **_: object) -> None:
            try:
                item = resource.read_item(msgspec.Raw(msgspec.json.encode(event["object"])))
            except KubeError as error:
                log.warning("%s: an event can't be read: %s", resource, error)
                return
            _call(self._loop, self._on_item, resource, item, event["type"] == "DELETED")

        return observe

    async def _login(self, **_: object) -> "kopf.AiohttpSession":
        """Return a session with our credentials. kopf asks again after a 401: for fresh ones."""
        import kopf

        refused = self._access
        try:
            ask = self._credentials.renew(refused) if refused else self._credentials.access()
            self._access = access = await self._at_home(ask)
        except CredentialsError as error:
            raise kopf.TemporaryError(str(error), delay=LOGIN_RETRY_SECONDS) from error
        session = _session(access)
        self._sessions.append(session)
        return kopf.AiohttpSession(server=access.server, aiohttp_session=session)

    async def _at_home(self, work: Coroutine[Any, Any, R]) -> R:
        """Run a coroutine in the loop of `run`: the credentials have a lock that belongs there.

        Where that loop ends before it has begun with it, the coroutine is closed: nobody would await it.
        """
        begun = threading.Lock()  # whoever gets it has the coroutine
        outcome = concurrent.futures.Future[R]()

        def begin() -> None:
            if begun.acquire(blocking=False):
                self._loop.create_task(work).add_done_callback(lambda task: _settle(outcome, task))

        try:
            self._loop.call_soon_threadsafe(begin)
            return await asyncio.wrap_future(outcome)
        finally:
            if begun.acquire(blocking=False):
                work.close()


def _settle(outcome: concurrent.futures.Future[R], task: asyncio.Task[R]) -> None:
    """Tell the outcome of a task to another thread, unless nobody waits for it there."""
    with contextlib.suppress(concurrent.futures.InvalidStateError):
        if task.cancelled():
            outcome.cancel()
        elif error := task.exception():
            outcome.set_exception(error)
        else:
            outcome.set_result(task.result())


async def end_other_tasks() -> None:
    """Cancel every other task of this loop, again and again until none is left; see the top of this file."""
    own = asyncio.current_task()
    while others := asyncio.all_tasks() - {own}:
        # Those that wait for a pause belong to watches, which end them.
        watches = {task for task in others if not task.get_name().startswith("pause-waiter")}
        for task in watches or others:
            task.cancel()
        await asyncio.wait(watches or others, timeout=AGAIN_SECONDS)


def _call(loop: asyncio.AbstractEventLoop, function: Callable[..., object], *arguments: object) -> None:
    """Have something called in the loop of another thread, which may be gone by now."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(function, *arguments)


def _session(access: Access) -> aiohttp.ClientSession:
    proxy = access.proxy

    async def as_agreed(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        if access.tls_server_name:
            request.server_hostname = access.tls_server_name
        if proxy is not None and access.tls:
            request.update_proxy(request.proxy, None, proxy.headers)
        return await handler(request)

    # Without TLS there is no tunnel: the proxy reads the request itself.
    headers = {} if proxy is None or access.tls else dict(proxy.headers)
    if access.authorization:
        headers["Authorization"] = access.authorization
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=access.tls or True),
        headers=headers,
        proxy=proxy.url if proxy else None,
        middlewares=(as_agreed,) if access.tls_server_name or proxy else (),
        cookie_jar=aiohttp.DummyCookieJar(),
    )


def _settings() -> "kopf.OperatorSettings":
    import kopf

    settings = kopf.OperatorSettings()
    settings.process.ultimate_exiting_timeout = None  # it would kill this process
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.networking.request_timeout = REQUEST_SECONDS
    settings.networking.connect_timeout = CONNECT_SECONDS
    settings.networking.error_backoffs = (1, 2, 4, 8)
    settings.watching.server_timeout = WATCH_SECONDS
    settings.watching.inactivity_timeout = INACTIVITY_SECONDS
    settings.watching.chunk_size = 500
    settings.watching.reconnect_backoff = 0.2
    settings.queueing.idle_timeout = 1.0
    settings.queueing.exit_timeout = 0.5
    return settings
