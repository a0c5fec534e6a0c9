"""Secrets as we read them: their entries, and none of the text that kubectl leaves in annotations."""

import msgspec

from rollcall.model import Key

from .resource import Resource
from .wire import ObjectMeta, WireKind


class Secret(msgspec.Struct, frozen=True):
    """A Secret. `data` are its entries, decoded from base64."""

    key: Key
    uid: str
    data: dict[str, bytes]

    def __repr__(self) -> str:
        """Leave the entries out: reprs end up in logs."""
        return f"Secret({self.key})"


class WireSecret(WireKind, frozen=True, gc=False):
    """A Secret in the API. msgspec reads base64 as bytes; what it says of bad base64 doesn't quote it."""

    metadata: ObjectMeta
    data: dict[str, bytes] | None = None


def secret(wire: WireSecret, key: Key) -> Secret:
    """Read a Secret."""
    return Secret(key, wire.metadata.uid, wire.data or {})


SECRETS = Resource("v1", "secrets", "Secret", WireSecret, secret)
