"""The ConfigMaps that are there, as they were last read or written."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol, Self

from rollcall.kube.errors import NotFound
from rollcall.publish.files import sha256
from rollcall.watch.config_map import ConfigMapVersion
from rollcall.watch.view import Change

from .marks import RawMetadata

_REMEMBERED = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
)


class ConfigMapApi(Protocol):
    """What is needed of a client of the API server: KubeClient is the real one, tests have theirs."""

    async def get(self, path: str) -> Any:
        """Read an object."""

    async def list_page(self, path: str, params: Mapping[str, str]) -> bytes:
        """Read a page of a collection."""

    async def create(self, path: str, body: object) -> Any:
        """POST an object to its collection; return it as it then is."""

    async def replace(self, path: str, body: object) -> Any:
        """PUT an object that bears its resourceVersion; return it as it then is."""


class ExistingConfigMap(NamedTuple):
    """What is remembered of a ConfigMap: all but its data."""

    metadata: RawMetadata
    data_digest: str

    @property
    def uid(self) -> str:
        """The API's uid of it."""
        return str(self.metadata.get("uid", ""))

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Self:
        """Reduce an object of the API server."""
        data = {**(answer.get("data") or {}), **(answer.get("binaryData") or {})}
        metadata = {field: answer["metadata"][field] for field in _REMEMBERED if field in answer["metadata"]}
        return cls(metadata, digest_of({key: sha256(text) for key, text in data.items()}))


class ExistingConfigMaps:
    """The ConfigMaps of a namespace that were asked for: each is read once, and again when others change it.

    `on_asked` is called with each name before it is asked for: from then on it has to be told of changes.
    """

    def __init__(self, api: ConfigMapApi, namespace: str, on_asked: Callable[[str], None]) -> None:
        self._api = api
        self._on_asked = on_asked
        self._collection = f"/api/v1/namespaces/{namespace}/configmaps"
        self._known: dict[str, ExistingConfigMap | None] = {}
        self._meanwhile: dict[str, Change[ConfigMapVersion]] = {}

    async def read(self, name: str) -> ExistingConfigMap | None:
        """Return a ConfigMap, None where there is none."""
        self._on_asked(name)
        if name in self._known:
            return self._known[name]
        self._meanwhile.pop(name, None)
        try:
            found = ExistingConfigMap.of(await self._api.get(f"{self._collection}/{name}"))
        except NotFound:
            found = None
        self._know(name, found)
        return found

    async def write(self, name: str, body: Mapping[str, Any]) -> ExistingConfigMap:
        """Replace the ConfigMap whose resourceVersion the body bears, or create it; return it as it is."""
        self._meanwhile.pop(name, None)
        if "resourceVersion" in body["metadata"]:
            answer = await self._api.replace(f"{self._collection}/{name}", body)
        else:
            answer = await self._api.create(self._collection, body)
        written = ExistingConfigMap.of(answer)
        self._know(name, written)
        return written

    def knows(self, names: Iterable[str]) -> bool:
        """Whether nothing has been heard of these ConfigMaps since they were read or written."""
        return self._known.keys() >= set(names)

    def note(self, change: Change[ConfigMapVersion]) -> bool:
        """Forget a ConfigMap that is not as it was read or written; return whether that is so.

        An answer of the API server may come after the news of what has happened to the object since.
        """
        name = change.key.name
        self._meanwhile[name] = change
        if name not in self._known:
            return True
        return self._drop_if_changed(name)

    def _know(self, name: str, found: ExistingConfigMap | None) -> None:
        self._known[name] = found
        self._drop_if_changed(name)

    def _drop_if_changed(self, name: str) -> bool:
        change, known = self._meanwhile.get(name), self._known[name]
        if change is None:
            return False
        if known is None:
            is_news = change.new is not None
        elif change.new is None:
            is_news = change.old is not None and change.old.uid == known.uid
        else:
            is_news = _is_newer(change.new.resource_version, known.metadata["resourceVersion"])
        if is_news:
            del self._known[name]
        return is_news

    def forget(self) -> None:
        """Have everything read anew."""
        self._known.clear()
        self._meanwhile.clear()


def digest_of(hashes: Mapping[str, str]) -> str:
    """Return the digest of data by the SHA-256 of the text under each key."""
    return sha256(" ".join(f"{key}={hashes[key]}" for key in sorted(hashes)))


def _is_newer(version: str, known: str) -> bool:
    """Whether a resourceVersion is not yet known. They are numbers that grow (KEP-5504)."""
    if version.isdecimal() and known.isdecimal():
        return int(version) > int(known)
    return version != known
