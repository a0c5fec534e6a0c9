"""An API server in memory, as a reflector sees one, which goes wrong on command.

It keeps versions, history, pages and bookmarks as the real one does. What a real one would never do (answer a
list from two moments, delete an object twice, hold a pod that can't be) it can't do either.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from rollcall.kube import Gone, KubeError, Unreachable
from rollcall.model import Key, Pod
from rollcall.watch import PODS
from unit.api_objects import event, listed
from unit.consistency import History

Cut = Literal["end", "break", "silence"]
EXPIRED = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
BOOKMARK_SECONDS = 60.0


def pod(name: str, uid: str, *, ready: bool = True, **metadata: Any) -> dict[str, Any]:
    """Make a pod as the API shows it."""
    return {
        "metadata": {"namespace": "shop", "name": name, "uid": uid, **metadata},
        "spec": {"nodeName": "node-1", "containers": [{"name": "web"}]},
        "status": {
            "phase": "Running",
            "podIP": "10.0.0.1",
            "conditions": [{"type": "Ready", "status": str(ready)}],
        },
    }


@dataclass
class ScriptedServer:
    """One collection of pods.

    `failures` are raised by the next requests, lists and watches alike, one each; `spoil` are what becomes of
    the next pages on their way. `objects` is the state,
    `requests` what was asked, with the virtual time. `progress`: its etcd reports progress, so that there is
    a new version, and with it a bookmark, also when nothing happens; as in the real one, a watch gets no
    bookmark that is not newer than what it asked for. `busy`: others write all the time, so that each list is
    of a newer version.
    """

    page_size: int = 3
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    version: int = 1
    compacted: int = 0
    history: list[tuple[int, bytes]] = field(default_factory=list)
    failures: deque[KubeError] = field(default_factory=deque)
    spoil: deque[Callable[[bytes], bytes]] = field(default_factory=deque)
    requests: list[tuple[float, str, dict[str, str]]] = field(default_factory=list)
    progress: bool = True
    busy: bool = False
    _story: History = field(default_factory=History)
    _snapshots: dict[str, tuple[int, list[dict[str, Any]]]] = field(default_factory=dict)
    _streams: dict[asyncio.Queue[bytes | Cut], int] = field(default_factory=dict)

    def put(self, obj: dict[str, Any], *, impossible: bool = False) -> None:
        """Create or update an object; another uid under its name deletes that one first.

        An `impossible` one is for tests of a defence.
        """
        name = obj["metadata"]["name"]
        known = self.objects.get(name)
        if known is not None and known["metadata"]["uid"] != obj["metadata"]["uid"]:
            self.delete(name)
            known = None
        self._record("ADDED" if known is None else "MODIFIED", obj)
        if not impossible:
            self._story.put_body(obj)
        self.objects[name] = obj

    def delete(self, name: str) -> None:
        self._record("DELETED", deepcopy(self.objects.pop(name)))  # a backup may hold it as it was
        self._story.drop(Pod, Key("shop", name))

    def compact(self) -> None:
        """Forget the history: older versions and continue tokens are gone."""
        self.version += 1
        self.compacted = self.version
        self.history.clear()
        self._snapshots.clear()

    def restore(self, version: int) -> None:
        """Go back in time, as etcd does when it is restored from a backup; the API server restarts."""
        self.compact()
        self.version = version
        self.compacted = 0
        self._story = History()
        self.cut("break")

    def overtake(self, backup: dict[str, dict[str, Any]], version: int) -> None:
        """Be restored from a backup and go on, until a version that is newer than any that was known before.

        What clients know of the lost history no event tells; what of the new one is missed neither.
        """
        self.restore(version)
        self.objects = dict(backup)
        for obj in self.objects.values():
            self._story.put_body(obj)

    def cut(self, how: Cut) -> None:
        """Let every open stream end, break, or fall silent for ever."""
        self._tell(how)

    def send_error(self, status: dict[str, Any]) -> None:
        """Put an ERROR event into every open stream, and end it."""
        self._tell(msgspec.json.encode({"type": "ERROR", "object": status}))
        self._tell("end")

    def send_bookmark(self) -> None:
        self._tell(self._bookmark())

    @property
    def streams(self) -> int:
        """How many watches are open."""
        return len(self._streams)

    async def list_page(self, path: str, params: Mapping[str, str]) -> bytes:
        self._asked("list", params)
        await asyncio.sleep(0.01)
        token = params.get("continue")
        if token is None:
            self.version += self.busy
            version, rest = self.version, list(self.objects.values())
        elif token in self._snapshots:
            version, rest = self._snapshots.pop(token)
        else:
            raise Gone(f"GET {path}", 410, "Expired", "the continue token is too old")
        page, rest = rest[: self.page_size], rest[self.page_size :]
        more: dict[str, Any] = {}
        if rest:
            more = {"continue": f"{version}/{len(rest)}", "remainingItemCount": len(rest)}
            self._snapshots[more["continue"]] = (version, rest)
        body = listed(PODS, page, version, **more)
        return self.spoil.popleft()(body) if self.spoil else body

    async def watch(self, path: str, params: Mapping[str, str]) -> AsyncGenerator[list[bytes], None]:
        self._asked("watch", params)
        await asyncio.sleep(0.01)
        since = int(params["resourceVersion"])
        if since < self.compacted:
            raise Gone(f"GET {path}", 410, "Expired", "too old resource version")
        queue: asyncio.Queue[bytes | Cut] = asyncio.Queue()
        for version, line in self.history:
            if version > since:
                queue.put_nowait(line)
        self._streams[queue] = since
        try:
            yield []
            deadline = asyncio.get_running_loop().time() + float(params["timeoutSeconds"])
            async for lines in self._follow(queue, since, deadline):
                yield lines
        finally:
            del self._streams[queue]

    async def _follow(
        self, queue: asyncio.Queue[bytes | Cut], since: int, deadline: float
    ) -> AsyncGenerator[list[bytes], None]:
        while (left := deadline - asyncio.get_running_loop().time()) > 0.001:
            try:
                async with asyncio.timeout(min(left, BOOKMARK_SECONDS)):
                    item = await queue.get()
            except TimeoutError:
                self.version += self.progress
                if self.version > since:
                    yield [self._bookmark()]
                continue
            lines = []
            while isinstance(item, bytes):
                lines.append(item)
                if queue.empty():
                    break
                item = queue.get_nowait()
            if lines:
                yield lines
            if item == "end":
                return
            if item == "break":
                raise Unreachable("GET /api/v1/pods?watch: connection reset by peer")
            if item == "silence":
                await asyncio.sleep(1_000_000)

    def _asked(self, what: str, params: Mapping[str, str]) -> None:
        self.requests.append((asyncio.get_running_loop().time(), what, dict(params)))
        if self.failures:
            raise self.failures.popleft()

    def _record(self, kind: str, obj: dict[str, Any]) -> None:
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        line = event(PODS, kind, obj)
        self.history.append((self.version, line))
        for queue, since in self._streams.items():
            if self.version > since:
                queue.put_nowait(line)

    def _bookmark(self) -> bytes:
        version = {"metadata": {"resourceVersion": str(self.version), "creationTimestamp": None}}
        return event(PODS, "BOOKMARK", version | {"spec": {"containers": None}})

    def _tell(self, item: bytes | Cut) -> None:
        for queue in self._streams:
            queue.put_nowait(item)
