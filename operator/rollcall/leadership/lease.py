"""The Lease object (coordination.k8s.io/v1): what we read of one, and how it is written."""

import asyncio
from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import msgspec

from rollcall.kube import NotFound, Unreachable
from rollcall.kube.paths import api_path

GROUP_VERSION = "coordination.k8s.io/v1"

MAX_TRANSITIONS = 2**31 - 1
"""`leaseTransitions` is an int32."""


def lease_name(identity: str) -> str:
    """Return the name of the Lease of an installation: two in one namespace have one each.

    `identity` is the owner id: letters, digits and `._-`, the first and the last a letter or a digit.
    """
    return identity.lower().translate(str.maketrans("._", "--"))


class LeaseSpec(msgspec.Struct, frozen=True, rename="camel"):
    """`spec` of a Lease; every field is optional in the API."""

    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int | None = None

    @property
    def holder(self) -> str:
        """Who holds it, "" where nobody does."""
        return self.holder_identity or ""

    @property
    def transitions(self) -> int:
        """How often it was acquired."""
        return self.lease_transitions or 0


class _Metadata(msgspec.Struct, frozen=True, rename="camel"):
    resource_version: str


class _Lease(msgspec.Struct, frozen=True):
    metadata: _Metadata
    spec: LeaseSpec | None = None


class LeaseApi(Protocol):
    """What an election needs of a client: KubeClient, or a server in virtual time in the tests."""

    async def get(self, path: str) -> Any:
        """Read an object."""

    async def create(self, path: str, body: object) -> Any:
        """POST an object to its collection."""

    async def patch(self, path: str, body: object) -> Any:
        """Send a JSON merge patch; return the object as it then is."""


class StoredLease:
    """One Lease at the API server, as it was when last read or written; one request at a time.

    `spec` is None where there is no such Lease. Both requests take the seconds that they may last, and raise
    KubeError; after Unreachable the outcome of a write is unknown.
    """

    def __init__(self, api: LeaseApi, namespace: str, name: str) -> None:
        self.spec: LeaseSpec | None = None
        self._api = api
        self._name = name
        self._collection = api_path(GROUP_VERSION, "leases", namespace=namespace)
        self._path = f"{self._collection}/{name}"
        self._version = ""
        self._last_stamp = datetime.min.replace(tzinfo=UTC)

    @property
    def holder(self) -> str:
        """Who held it; "" is nobody."""
        return self.spec.holder if self.spec else ""

    async def read(self, seconds: float) -> None:
        """Read it."""
        try:
            self._keep(await _within(seconds, self._api.get(self._path)))
        except NotFound:
            self.spec = None

    async def write(self, fields: Mapping[str, Any], seconds: float) -> None:
        """Change fields of its spec, if nobody has changed it since we know it; make it if there was none."""
        if self.spec is None:
            body = {
                "apiVersion": GROUP_VERSION,
                "kind": "Lease",
                "metadata": {"name": self._name},
                "spec": fields,
            }
            self._keep(await _within(seconds, self._api.create(self._collection, body)))
        else:
            # The rest of it, labels, annotations and fields of a later version, is not ours.
            patch = {"metadata": {"resourceVersion": self._version}, "spec": fields}
            self._keep(await _within(seconds, self._api.patch(self._path, patch)))

    def stamp(self) -> str:
        """Return the time as a MicroTime (meta/v1), in UTC, for people to read.

        Each is later than the previous one, whatever happens to the clock: by its change the others see that
        a Lease was renewed.
        """
        self._last_stamp = max(datetime.now(UTC), self._last_stamp + timedelta(microseconds=1))
        return self._last_stamp.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def _keep(self, answer: Any) -> None:
        try:
            lease = msgspec.convert(answer, _Lease)
        except msgspec.ValidationError as error:
            raise Unreachable(f"{self._path}: an answer that can't be read: {error}") from error
        self.spec = lease.spec or LeaseSpec()
        self._version = lease.metadata.resource_version


async def _within(seconds: float, answer: Awaitable[Any]) -> Any:
    try:
        async with asyncio.timeout(seconds):
            return await answer
    except TimeoutError as error:
        raise Unreachable(f"no answer within {seconds:.1f} s") from error
