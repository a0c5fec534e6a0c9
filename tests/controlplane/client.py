"""A small HTTPS client for the Kubernetes API: JSON in and out, nothing but the standard library.

Connections are kept alive and lent to one request at a time, so that a write costs one round trip
and several threads can write at once.
"""

import http.client
import json
import select
import ssl
from collections import deque
from collections.abc import Generator, Mapping
from typing import Any, TypeAlias
from urllib.parse import urlencode, urlsplit

from controlplane.errors import ApiError

Json: TypeAlias = dict[str, Any]

STRATEGIC_MERGE = "application/strategic-merge-patch+json"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"

_TIMEOUT_SECONDS = 60.0


def path(version: str, plural: str, namespace: str | None = None, name: str | None = None) -> str:
    """Return the path of a resource, such as `path("v1", "pods", "shop", "web-0")`."""
    parts = ["", "api" if version == "v1" else "apis", version]
    if namespace is not None:
        parts += ["namespaces", namespace]
    parts.append(plural)
    if name is not None:
        parts.append(name)
    return "/".join(parts)


class Client:
    """Requests to one API server; may be used from many threads.

    Each method takes a path (see `path`) and raises ApiError when the server refuses, OSError or
    http.client.HTTPException when it cannot be reached.
    """

    def __init__(
        self,
        url: str,
        context: ssl.SSLContext,
        token: str | None = None,
        timeout_seconds: float = _TIMEOUT_SECONDS,
    ) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or 443
        self._prefix = parts.path.rstrip("/")
        self._context = context
        self._timeout_seconds = timeout_seconds
        self._headers = {"Accept": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._idle: deque[http.client.HTTPSConnection] = deque()

    def get(self, path: str, **query: str) -> Json:
        """Read one object."""
        return self.request("GET", path, query=query)

    def list(self, path: str, **query: str) -> Json:
        """Read a whole list, such as a PodList; `labelSelector=` and so on as keywords."""
        return self.request("GET", path, query=query)

    def create(self, path: str, body: Json) -> Json:
        """Create an object in the collection at the path."""
        return self.request("POST", path, body)

    def replace(self, path: str, body: Json) -> Json:
        """Replace an object."""
        return self.request("PUT", path, body)

    def patch(self, path: str, body: Any, kind: str = MERGE, **query: str) -> Json:
        """Patch an object; `kind` is one of this module's content types."""
        return self.request("PATCH", path, body, content_type=kind, query=query)

    def delete(self, path: str, grace_seconds: int | None = None, **query: str) -> Json:
        """Delete an object, or the whole collection at the path."""
        body: Json = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if grace_seconds is not None:
            body["gracePeriodSeconds"] = grace_seconds
        return self.request("DELETE", path, body, query=query)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = "application/json",
        query: Mapping[str, str] | None = None,
    ) -> Json:
        """One request, on a connection that was used before if there is one."""
        connection = self._borrow()
        try:
            self._send(connection, method, path, body, content_type, query)
            response = connection.getresponse()
            data = response.read()
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        answer = _decode(data)
        if response.status >= 400:
            raise _refusal(method, path, response, answer)
        return answer

    def watch(
        self, path: str, timeout_seconds: float = _TIMEOUT_SECONDS, **query: str
    ) -> Generator[Json, None, None]:
        """Yield the events of a watch, on a connection of its own, until the server closes it.

        Raises TimeoutError when nothing came for the timeout.
        """
        connection = self._connect(timeout_seconds)
        try:
            self._send(connection, "GET", path, None, "", {"watch": "true", **query})
            response = connection.getresponse()
            if response.status >= 400:
                raise _refusal("WATCH", path, response, _decode(response.read()))
            while line := response.readline():
                event: Json = json.loads(line)
                yield event
        finally:
            connection.close()

    def close(self) -> None:
        """Close the idle connections; a later request opens another."""
        while self._idle:
            self._idle.pop().close()

    def _send(
        self,
        connection: http.client.HTTPSConnection,
        method: str,
        path: str,
        body: Any,
        content_type: str,
        query: Mapping[str, str] | None,
    ) -> None:
        target = self._prefix + path + (f"?{urlencode(query)}" if query else "")
        headers = dict(self._headers)
        data = None
        if body is not None:
            data = json.dumps(body, separators=(",", ":")).encode()
            headers["Content-Type"] = content_type
        connection.request(method, target, data, headers)

    def _borrow(self) -> http.client.HTTPSConnection:
        """Take an idle connection that is still good, or open one.

        One that the server has closed is readable. A deque needs no lock: its operations are
        atomic, and whoever pops a connection has it alone.
        """
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return self._connect(self._timeout_seconds)
            if connection.sock is not None and not select.select([connection.sock], [], [], 0)[0]:
                return connection
            connection.close()

    def _connect(self, timeout_seconds: float) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(
            self._host, self._port, timeout=timeout_seconds, context=self._context
        )


def _decode(data: bytes) -> Json:
    try:
        answer = json.loads(data)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _refusal(method: str, path: str, response: http.client.HTTPResponse, answer: Json) -> ApiError:
    reason = str(answer.get("reason", response.reason))
    return ApiError(method, path, response.status, reason, str(answer.get("message", "")))
