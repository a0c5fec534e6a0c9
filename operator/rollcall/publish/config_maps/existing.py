"""The ConfigMaps that are there, as they were last read or written."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, Self

from rollcall.kube.errors import NotFound
from rollcall.publish.files import sha256

from .marks import Metadata

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

    async def create(self, path: str, body: object) -> Any:
        """POST an object to its collection; return it as it then is."""

    async def replace(self, path: str, body: object) -> Any:
        """PUT an object that bears its resourceVersion; return it as it then is."""


class ExistingConfigMap(NamedTuple):
    """What is remembered of a ConfigMap: all but its data."""

    metadata: Metadata
    data_digest: str

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Self:
        """Reduce an object of the API server."""
        data = {**(answer.get("data") or {}), **(answer.get("binaryData") or {})}
        metadata = {field: answer["metadata"][field] for field in _REMEMBERED if field in answer["metadata"]}
        return cls(metadata, digest_of({key: sha256(text) for key, text in data.items()}))


class ExistingConfigMaps:
    """The ConfigMaps of a namespace that were asked for: each is read once."""

    def __init__(self, api: ConfigMapApi, namespace: str) -> None:
        self._api = api
        self._collection = f"/api/v1/namespaces/{namespace}/configmaps"
        self._known: dict[str, ExistingConfigMap | None] = {}

    async def read(self, name: str) -> ExistingConfigMap | None:
        """Return a ConfigMap, None where there is none."""
        if name not in self._known:
            try:
                answer = await self._api.get(f"{self._collection}/{name}")
            except NotFound:
                self._known[name] = None
            else:
                self._known[name] = ExistingConfigMap.of(answer)
        return self._known[name]

    async def write(self, name: str, body: Mapping[str, Any]) -> None:
        """Replace the ConfigMap whose resourceVersion the body bears, or create it."""
        if "resourceVersion" in body["metadata"]:
            answer = await self._api.replace(f"{self._collection}/{name}", body)
        else:
            answer = await self._api.create(self._collection, body)
        self._known[name] = ExistingConfigMap.of(answer)

    def forget(self) -> None:
        """Have everything read anew."""
        self._known.clear()


def digest_of(hashes: Mapping[str, str]) -> str:
    """Return the digest of data by the SHA-256 of the text under each key."""
    return sha256(" ".join(f"{key}={hashes[key]}" for key in sorted(hashes)))
