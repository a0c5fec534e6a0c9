"""The kinds of object that we follow: where they are in the API, and how their events are read."""

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar, cast

import msgspec

from rollcall.kube.errors import UNDECODABLE, BadAnswer
from rollcall.kube.paths import api_path
from rollcall.model import API_VERSION, Key

from . import decode
from .versions import read_version
from .wire import (
    EventType,
    ObjectMeta,
    WireDiscoveryFile,
    WireDiscoveryZone,
    WireEnvelope,
    WireEvent,
    WireIdentity,
    WireKind,
    WireList,
    WireObject,
    WirePod,
    WireService,
    WireServiceInstance,
)


class Identified(Protocol):
    """What tells an object from a later one of the same name."""

    @property
    def uid(self) -> str:
        """The API's uid of the object."""


class _Wire(Protocol):
    @property
    def kind(self) -> str: ...
    @property
    def api_version(self) -> str: ...
    @property
    def metadata(self) -> ObjectMeta: ...


T = TypeVar("T", bound=Identified)
W = TypeVar("W", bound=_Wire)


class Item(msgspec.Struct, Generic[T], gc=False):
    """One object as read. `object` is None where its name is all that makes sense; `problem` says why."""

    key: Key
    uid: str
    object: T | None
    problem: str = ""
    resource_version: str = ""


class Event(msgspec.Struct, Generic[T], gc=False):
    """A watch event. A bookmark has no item, an ERROR no version but its Status as `raw`."""

    type: EventType
    version: int = 0
    item: Item[T] | None = None
    raw: msgspec.Raw | None = None


class Page(msgspec.Struct, gc=False):
    """One page of a list. `continue_token` is empty on the last."""

    items: tuple[msgspec.Raw, ...]
    version: int
    continue_token: str


_METADATA = ("PartialObjectMetadata", "meta.k8s.io/v1")
"""What an object is where it was asked for its `metadata` alone."""

_BUILT_IN_ITEM = ("", "")
"""What the items of a list of a built-in kind say they are: the list says it."""

_SOMEBODY = "does a proxy or a load balancer answer in the API server's place?"

_decode_envelope = msgspec.json.Decoder(WireEnvelope).decode
_decode_object = msgspec.json.Decoder(WireObject).decode
_decode_list = msgspec.json.Decoder(WireList).decode


class Resource(Generic[T]):
    """A kind of object in the API, and how it becomes one of the model.

    With `reduced` the API server is asked for the `metadata` alone; one that can't reduce objects sends them
    whole.
    """

    def __init__(
        self,
        group_version: str,
        plural: str,
        kind: str,
        wire: type[W],
        read: Callable[[W, Key], T],
        *,
        namespaced: bool = True,
        reduced: bool = False,
    ) -> None:
        self.group_version = group_version
        self.plural = plural
        self.namespaced = namespaced
        self._kinds = {(kind, group_version), *((_METADATA,) if reduced else ())}
        # Which shape this resource has on the wire is of no interest outside.
        self._read = cast("Callable[[_Wire, Key], T]", read)
        event = WireEvent[wire]  # type: ignore[valid-type]  # a generic struct made at run time
        self._decode_event: Callable[[bytes], WireEvent[_Wire]] = msgspec.json.Decoder(event).decode
        self._decode_item: Callable[[msgspec.Raw], _Wire] = msgspec.json.Decoder(wire).decode

    def __str__(self) -> str:
        return self.plural

    def path(
        self, namespace: str | None = None, name: str | None = None, subresource: str | None = None
    ) -> str:
        """Make the path of the collection, or of one object; a namespace is left out where there is none."""
        return api_path(
            self.group_version,
            self.plural,
            namespace=namespace if self.namespaced else None,
            name=name,
            subresource=subresource,
        )

    def read_page(self, body: bytes) -> Page:
        """Parse a page of a list, without decoding its items.

        Raises:
            BadAnswer: it isn't one.
        """
        try:
            page = _decode_list(body)
        except UNDECODABLE as error:
            raise BadAnswer(f"not a list of {self}: {error}: {_SOMEBODY}") from error
        kind = page.kind.removesuffix("List"), page.api_version
        if kind not in self._kinds or not page.kind.endswith("List"):
            raise BadAnswer(f"not a list of {self} but {_named(page)}: {_SOMEBODY}")
        # Of objects reduced to their metadata an empty list has null, of others [].
        if page.items is None and kind != _METADATA:
            raise BadAnswer(f"a list of {self} whose items are null: {_SOMEBODY}")
        items, meta = page.items or (), page.metadata
        if meta.continue_token and not items:
            raise BadAnswer(f"a page of {self} that is empty, and not the last")
        if meta.remaining_item_count and not meta.continue_token:
            raise BadAnswer(f"a page of {self} that is not the last, and doesn't say how to go on")
        return Page(items, read_version(meta.resource_version), meta.continue_token)

    def read_item(self, raw: msgspec.Raw) -> Item[T]:
        """Read an object of a list.

        Raises:
            BadAnswer: it has no name, or is of another kind.
        """
        try:
            wire = self._decode_item(raw)
        except UNDECODABLE as error:
            return self._unread(self._identity(raw, is_listed=True).metadata, str(error))
        if (wire.kind, wire.api_version) != _BUILT_IN_ITEM:
            self._check_kind(wire)
        return self._item(wire)

    def read_event(self, line: bytes) -> Event[T]:
        """Read a line of a watch stream.

        Raises:
            BadAnswer: it isn't an event, or that of an object without a name, or of another kind.
        """
        try:
            event = self._decode_event(line)
        except UNDECODABLE as error:
            return self._read_oddity(line, str(error))
        if event.type == "ERROR":  # a Status passes for an object of any kind that has no `status` of its own
            return self._read_oddity(line, "")
        self._check_kind(event.object)
        version = read_version(event.object.metadata.resource_version)
        if event.type == "BOOKMARK":
            return Event(event.type, version)
        return Event(event.type, version, self._item(event.object))

    def _read_oddity(self, line: bytes, problem: str) -> Event[T]:
        """Read an event whose object has not the shape of its kind: an ERROR, a bare bookmark, a bad one."""
        try:
            envelope = _decode_envelope(line)
        except UNDECODABLE as error:
            raise BadAnswer(f"not a watch event: {error}") from error
        if envelope.type == "ERROR":
            return Event(envelope.type, raw=envelope.object)
        meta = self._identity(envelope.object).metadata
        version = read_version(meta.resource_version)
        if envelope.type == "BOOKMARK":
            return Event(envelope.type, version)
        return Event(envelope.type, version, self._unread(meta, problem))

    def _item(self, wire: _Wire) -> Item[T]:
        meta = wire.metadata
        key = self._key(meta, "")
        return Item(key, meta.uid, self._read(wire, key), "", meta.resource_version)

    def _unread(self, meta: WireIdentity, problem: str) -> Item[T]:
        return Item(self._key(meta, problem), meta.uid, None, problem)

    def _key(self, meta: ObjectMeta | WireIdentity, problem: str) -> Key:
        if not (meta.name and meta.uid and (meta.namespace or not self.namespaced)):
            raise BadAnswer(f"one of {self} without name, namespace or uid: {problem or _SOMEBODY}")
        return decode.key_of(meta)

    def _identity(self, raw: msgspec.Raw, *, is_listed: bool = False) -> WireObject:
        try:
            found = _decode_object(raw)
        except UNDECODABLE as error:
            raise BadAnswer(f"an object of {self} without readable metadata: {error}") from error
        if not is_listed or (found.kind, found.api_version) != _BUILT_IN_ITEM:
            self._check_kind(found)
        return found

    def _check_kind(self, found: _Wire | WireKind) -> None:
        if (found.kind, found.api_version) not in self._kinds:
            raise BadAnswer(f"not one of {self} but {_named(found)}: {_SOMEBODY}")


def _named(found: _Wire | WireKind) -> str:
    if not found.kind:
        return "an object without a kind"
    return f"a {found.kind[:64]} of {found.api_version[:64] or 'no apiVersion'}"


# Pods are followed in every phase. A field selector (status.phase=Running) would save events, but the status
# of a service names the reason of each pod that is left out, and Pending, Failed and Succeeded are reasons.
PODS = Resource("v1", "pods", "Pod", WirePod, decode.pod)
SERVICES = Resource("v1", "services", "Service", WireService, decode.service)
SERVICE_INSTANCES = Resource(
    API_VERSION, "serviceinstances", "ServiceInstance", WireServiceInstance, decode.service_instance
)
DISCOVERY_ZONES = Resource(
    API_VERSION, "discoveryzones", "DiscoveryZone", WireDiscoveryZone, decode.discovery_zone, namespaced=False
)
DISCOVERY_FILES = Resource(
    API_VERSION, "discoveryfiles", "DiscoveryFile", WireDiscoveryFile, decode.discovery_file
)
