"""A thin client of the API server: bytes in, typed objects or bytes out, one error tree.

Not the `kubernetes` package's own client: its typed decode takes 1.7 ms an event, ours 0.02.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import closing, suppress
from types import TracebackType
from typing import Any, Self, TypeVar, overload
from weakref import WeakSet

import aiohttp
import msgspec

import rollcall

from .credentials import Access, Credentials
from .errors import UNDECODABLE, ApiError, BadAnswer, PageTooLong, Unauthorized, Unreachable
from .lines import LineBuffer, LineTooLong
from .paging import MAX_PAGE
from .status import error_of, read_status

MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"

_METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
_METADATA_EVENT = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
"""What to accept where only `metadata` is wanted. A server that can't reduce objects sends them whole."""

REQUEST_SECONDS = 15.0
"""For a request and its whole answer. The API server itself gives up on etcd after ten seconds."""

LIST_SECONDS = 60.0
"""For a page of a list, which can be megabytes."""

OPEN_SECONDS = 30.0
"""From asking for a watch to the head of its answer."""

CLOSE_SECONDS = 1.0
"""For connections to close at the end: a peer that hangs must not delay it."""

MAX_REQUESTS = 16
"""Requests in flight at once, besides the watches; more would only queue in the API server."""

Params = Mapping[str, str]
T = TypeVar("T")


class KubeClient:
    """Requests to one API server, over connections that stay open.

    Every method raises CredentialsError, Unreachable or an ApiError. After Unreachable the outcome of a
    write is unknown. A 401 makes it load its credentials again and ask once more.

    Watches have their own connections: however many there are, and however slow their readers, a write
    never waits for one.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._requests: aiohttp.ClientSession
        self._watches: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        make = self._socket
        self._requests = _session(
            aiohttp.TCPConnector(limit=MAX_REQUESTS, keepalive_timeout=60, socket_factory=make)
        )
        self._watches = _session(aiohttp.TCPConnector(limit=0, socket_factory=make))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._watches.close()
        await self._requests.close()
        # The connection of a cancelled request is closed after its session has forgotten it.
        # An event loop that ends before would leave the socket open, to be found by the garbage collector.
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                while any(each.fileno() >= 0 for each in self._sockets):  # noqa: ASYNC110  # it has no event
                    await asyncio.sleep(0.002)

    def _socket(self, address: aiohttp.AddrInfoType) -> socket.socket:
        made = _keepalive_socket(address)
        self._sockets.add(made)
        return made

    @overload
    async def get(self, path: str, params: Params | None = None) -> Any: ...
    @overload
    async def get(
        self, path: str, params: Params | None = None, *, decoder: msgspec.json.Decoder[T]
    ) -> T: ...
    async def get(
        self, path: str, params: Params | None = None, *, decoder: msgspec.json.Decoder[Any] | None = None
    ) -> Any:
        """Read an object or a collection; with a decoder only what that asks for."""
        body = await self._request("GET", path, params)
        return _decode("GET", path, body, decoder or _ANY)

    async def list_page(self, path: str, params: Params, *, accept: str | None = None) -> bytes:
        """Read one page of a collection, undecoded.

        Raises:
            PageTooLong: its `limit` is above 1, and it is longer than MAX_PAGE.
        """
        most = MAX_PAGE if int(params.get("limit", "1")) > 1 else None
        return await self._request(
            "GET", path, params, timeout_seconds=LIST_SECONDS, accept=accept, most=most
        )

    async def create(self, path: str, body: object, params: Params | None = None) -> Any:
        """POST an object to its collection, or to a subresource; return what the server made of it."""
        return await self._write("POST", path, params, body, "application/json")

    async def replace(self, path: str, body: object, params: Params | None = None) -> Any:
        """PUT an object; with a resourceVersion in it only if the object has not changed since."""
        return await self._write("PUT", path, params, body, "application/json")

    async def patch(
        self, path: str, body: object, content_type: str = MERGE_PATCH, params: Params | None = None
    ) -> Any:
        """PATCH an object, by a merge patch unless `content_type` says otherwise; return what it is now."""
        return await self._write("PATCH", path, params, body, content_type)

    async def delete(self, path: str, options: object = None) -> Any:
        """DELETE an object, with DeleteOptions where there are any; return it, or a Status."""
        if options is not None:
            return await self._write("DELETE", path, None, options, "application/json")
        return _decode("DELETE", path, await self._request("DELETE", path, None), _ANY)

    async def watch(
        self, path: str, params: Params, *, accept: str | None = None
    ) -> AsyncGenerator[list[bytes], None]:
        """Follow a collection: the lines that arrived together, each an event.

        The first batch is empty: the server has accepted the watch. The iterator ends when the server ends
        the stream. It has no time-out of its own once the stream is open; close it with `aclosing`.
        """
        doing = f"GET {path}?watch"
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                params = {**params, "watch": "true"}
                response = await self._open(self._watches, "GET", path, params, accept=accept)
            with closing(response):
                yield []
                buffer = LineBuffer()
                while data := await response.content.readany():
                    if lines := buffer.feed(data):
                        yield lines
                if buffer.partial:
                    raise Unreachable(f"{doing}: the stream ended inside an event")
        except LineTooLong as error:
            raise Unreachable(f"{doing}: an event without an end") from error
        except (aiohttp.ClientError, OSError) as error:
            raise _unreachable(doing, error) from error

    async def _write(
        self, method: str, path: str, params: Params | None, body: object, content_type: str
    ) -> Any:
        data = msgspec.json.encode(body)
        answer = await self._request(method, path, params, data, content_type)
        return _decode(method, path, answer, _ANY)

    async def _request(
        self,
        method: str,
        path: str,
        params: Params | None,
        data: bytes | None = None,
        content_type: str | None = None,
        timeout_seconds: float = REQUEST_SECONDS,
        accept: str | None = None,
        most: int | None = None,
    ) -> bytes:
        try:
            async with asyncio.timeout(timeout_seconds):
                response = await self._open(self._requests, method, path, params, data, content_type, accept)
                if most is not None:
                    return await _read_page(f"{method} {path}", response, most)
                async with response:
                    return await response.read()
        except (aiohttp.ClientError, OSError) as error:
            raise _unreachable(f"{method} {path}", error) from error

    async def _open(
        self,
        session: aiohttp.ClientSession,
        method: str,
        path: str,
        params: Params | None,
        data: bytes | None = None,
        content_type: str | None = None,
        accept: str | None = None,
    ) -> aiohttp.ClientResponse:
        access = await self._credentials.access()
        try:
            return await _send(session, access, method, path, params, data, content_type, accept)
        except (Unauthorized, aiohttp.ClientConnectorCertificateError):
            # A token or a certificate, ours or the server's, may have been replaced since we read it.
            access = await self._credentials.renew(access)
            return await _send(session, access, method, path, params, data, content_type, accept)


class MetadataClient:
    """Lists and watches objects reduced to their `metadata`, over the connections of a KubeClient.

    The objects may be large, and their content somebody's secret: neither leaves the API server.
    """

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def list_page(self, path: str, params: Params) -> bytes:
        """Read one page of a collection, undecoded."""
        return await self._client.list_page(path, params, accept=_METADATA_LIST)

    def watch(self, path: str, params: Params) -> AsyncGenerator[list[bytes], None]:
        """Follow a collection, as KubeClient does."""
        return self._client.watch(path, params, accept=_METADATA_EVENT)


_ANY: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


async def _send(
    session: aiohttp.ClientSession,
    access: Access,
    method: str,
    path: str,
    params: Params | None,
    data: bytes | None,
    content_type: str | None,
    accept: str | None,
) -> aiohttp.ClientResponse:
    proxy = access.proxy
    # Without TLS there is no tunnel: the proxy reads the request itself.
    headers = {} if proxy is None or access.tls else dict(proxy.headers)
    if accept:
        headers["Accept"] = accept
    if access.authorization:
        headers["Authorization"] = access.authorization
    if content_type:
        headers["Content-Type"] = content_type
    response = await session.request(
        method,
        access.server + path,
        params=params,
        data=data,
        headers=headers,
        ssl=access.tls or True,
        server_hostname=access.tls_server_name,
        proxy=proxy.url if proxy else None,
        proxy_headers=proxy.headers if proxy else None,
        allow_redirects=False,
    )
    if response.status < 300:
        return response
    async with response:
        raise _refusal(f"{method} {path}", response, await response.read())


async def _read_page(doing: str, response: aiohttp.ClientResponse, most: int) -> bytes:
    with closing(response):  # what is left of one that is too long is not worth the wait: its connection goes
        parts: list[bytes] = []
        length = 0
        while part := await response.content.readany():
            parts.append(part)
            length += len(part)
            if length > most:
                raise PageTooLong(f"{doing}: a page of more than {most} octets")
    return b"".join(parts)


def _refusal(doing: str, response: aiohttp.ClientResponse, body: bytes) -> ApiError:
    return error_of(doing, read_status(body), response.status, response.headers.get("Retry-After"))


def _unreachable(doing: str, error: Exception) -> Unreachable:
    if isinstance(error, aiohttp.ClientHttpProxyError):  # its own words hold the repr of a URL
        what = f"the proxy refuses: {error.status} {error.message}"
    elif isinstance(error, aiohttp.ClientConnectorError):  # its own words hold the repr of an SSL context
        cause = error.os_error
        # Of name resolution and TLS the errno is a number of their own, and the words are in the error.
        plain = not isinstance(cause, ssl.SSLError | socket.gaierror) and cause.errno
        reason = os.strerror(plain) if plain else str(cause)
        whom = "the proxy " if isinstance(error, aiohttp.ClientProxyConnectionError) else ""
        what = f"can't connect to {whom}{error.host} port {error.port}: {reason}"
    elif isinstance(error, TimeoutError):
        what = "no answer in time"
    else:
        what = str(error) or type(error).__name__
    return Unreachable(f"{doing}: {what}")


def _decode(method: str, path: str, body: bytes, decoder: msgspec.json.Decoder[Any]) -> Any:
    try:
        return decoder.decode(body)
    except UNDECODABLE as error:
        raise BadAnswer(f"{method} {path}: an answer that can't be read: {error}") from error


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        # Every call has a time-out of its own around it.
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        headers={
            "Accept": "application/json",
            # The API server would compress long lists: a second of CPU there and here for a wire that is
            # fast enough.
            "Accept-Encoding": "identity",
            "User-Agent": f"rollcall/{rollcall.__version__}",
        },
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
    )


def _keepalive_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    """Make a socket that notices in half a minute that the other side vanished."""
    made = socket.socket(family=address[0], type=address[1], proto=address[2])
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):  # macOS has not all of them
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    return made
