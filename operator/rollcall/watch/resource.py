"""The kinds of object that we follow: where they are in the API, and how their events are read."""

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar, cast

import msgspec

from rollcall.kube.errors import UNDECODABLE, Unreachable
from rollcall.kube.paths import api_path
from rollcall.model import API_VERSION, Key

from . import decode
from .wire import (
    ObjectMeta,
    WireDiscoveryFile,
    WireDiscoveryZone,
    WireEnvelope,
    WireEvent,
    WireIdentity,
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
    def metadata(self) -> ObjectMeta: ...


T = TypeVar("T", bound=Identified)
W = TypeVar("W", bound=_Wire)


class Item(msgspec.Struct, Generic[T], gc=False):
    """One object as read. `object` is None where its name is all that makes sense; `problem` says why."""

    key: Key
    uid: str
    object: T | None
    problem: str = ""


class Event(msgspec.Struct, Generic[T], gc=False):
    """A watch event. A bookmark has no item, an ERROR its Status as `raw`."""

    type: str
    resource_version: str = ""
    item: Item[T] | None = None
    raw: msgspec.Raw | None = None


class Page(msgspec.Struct, gc=False):
    """One page of a list. `continue_token` is empty on the last."""

    items: tuple[msgspec.Raw, ...]
    resource_version: str
    continue_token: str


_decode_envelope = msgspec.json.Decoder(WireEnvelope).decode
_decode_object = msgspec.json.Decoder(WireObject).decode
_decode_list = msgspec.json.Decoder(WireList).decode


class Resource(Generic[T]):
    """A kind of object in the API, and how it becomes one of the model."""

    def __init__(
        self,
        group_version: str,
        plural: str,
        wire: type[W],
        read: Callable[[W, Key], T],
        *,
        namespaced: bool = True,
    ) -> None:
        self.group_version = group_version
        self.plural = plural
        self.namespaced = namespaced
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
            Unreachable: it isn't one.
        """
        try:
            page = _decode_list(body)
        except UNDECODABLE as error:
            raise Unreachable(f"not a list: {error}") from error
        return Page(page.items or (), page.metadata.resource_version, page.metadata.continue_token)

    def read_item(self, raw: msgspec.Raw) -> Item[T]:
        """Read an object of a list.

        Raises:
            Unreachable: it has no name.
        """
        try:
            wire = self._decode_item(raw)
        except UNDECODABLE as error:
            return _unread(_identity(raw), str(error))
        return self._item(wire)

    def read_event(self, line: bytes) -> Event[T]:
        """Read a line of a watch stream.

        Raises:
            Unreachable: it isn't an event, or that of an object without a name.
        """
        try:
            event = self._decode_event(line)
        except UNDECODABLE as error:
            return _read_oddity(line, str(error))
        if event.type == "ERROR":  # a Status passes for an object of any kind that has no `status` of its own
            return _read_oddity(line, "")
        meta = event.object.metadata
        if event.type == "BOOKMARK":
            return Event(event.type, meta.resource_version)
        return Event(event.type, meta.resource_version, self._item(event.object))

    def _item(self, wire: _Wire) -> Item[T]:
        meta = wire.metadata
        key = decode.key_of(meta)
        return Item(key, meta.uid, self._read(wire, key))


def _read_oddity(line: bytes, problem: str) -> Event[T]:
    """Read an event whose object has not the shape of its kind: an ERROR, a bare bookmark, a bad object."""
    try:
        envelope = _decode_envelope(line)
    except UNDECODABLE as error:
        raise Unreachable(f"not a watch event: {error}") from error
    if envelope.type == "ERROR":
        return Event(envelope.type, raw=envelope.object)
    meta = _identity(envelope.object)
    if envelope.type == "BOOKMARK":
        return Event(envelope.type, meta.resource_version)
    return Event(envelope.type, meta.resource_version, _unread(meta, problem))


def _identity(raw: msgspec.Raw) -> WireIdentity:
    try:
        return _decode_object(raw).metadata
    except UNDECODABLE as error:
        raise Unreachable(f"an object without readable metadata: {error}") from error


def _unread(meta: WireIdentity, problem: str) -> Item[T]:
    if not meta.name:
        raise Unreachable(f"an object without a name: {problem}")
    return Item(decode.key_of(meta), meta.uid, None, problem)


# Pods are followed in every phase. A field selector (status.phase=Running) would save events, but the status
# of a service names the reason of each pod that is left out, and Pending, Failed and Succeeded are reasons.
PODS = Resource("v1", "pods", WirePod, decode.pod)
SERVICES = Resource("v1", "services", WireService, decode.service)
SERVICE_INSTANCES = Resource(API_VERSION, "serviceinstances", WireServiceInstance, decode.service_instance)
DISCOVERY_ZONES = Resource(
    API_VERSION, "discoveryzones", WireDiscoveryZone, decode.discovery_zone, namespaced=False
)
DISCOVERY_FILES = Resource(API_VERSION, "discoveryfiles", WireDiscoveryFile, decode.discovery_file)
