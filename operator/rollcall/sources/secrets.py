"""The Secrets of the operator's own namespace: keys that sign DNS messages, and settings of octoDNS.

A key's Secret has an entry `key`, written as `dig -y` takes it, and during a rotation the previous one as
`previous`. Nothing that is said here, in a Problem or in a log, quotes an entry.
"""

import asyncio
from collections.abc import Callable, Mapping

from rollcall.kube.backoff import Uniform, uniform
from rollcall.model import InvalidKey, Key, KeyRing, Problem, TsigKey, parse_key
from rollcall.watch.pages import Transport
from rollcall.watch.reflector import Batch, Reflector
from rollcall.watch.secret import SECRETS, Secret

CURRENT = "key"
PREVIOUS = "previous"

_FORM = "ALGORITHM:NAME:SECRET, as in hmac-sha256:rollcall:<base64>"


def ring_of(secret: Key, data: Mapping[str, bytes]) -> KeyRing | Problem:
    """Return the keys among the entries of a Secret, or what is wrong with it and what to do."""
    try:
        current = _key(data, CURRENT)
        previous = _key(data, PREVIOUS)
    except InvalidKey as error:
        return Problem("KeyInvalid", f"The Secret {secret}: {error}.")
    if current is None:
        return Problem(
            "KeyMissing",
            f"The Secret {secret} has no entry `{CURRENT}`: write the key into it as {_FORM}.",
        )
    return KeyRing(current, previous)


class Secrets:
    """Follows the Secrets of one namespace.

    `on_change` is called after each change of one or more of them, and once they are known, also where there
    are none; it must be quick and must not raise.
    `reflector` is for metrics and for waiting until it has synced.
    """

    def __init__(
        self, client: Transport, namespace: str, on_change: Callable[[], None], *, draw: Uniform = uniform
    ) -> None:
        self.reflector: Reflector[Secret] = Reflector(
            client, SECRETS, self._on_batch, namespace=namespace, draw=draw
        )
        self._namespace = namespace
        self._on_change = on_change

    async def run(self) -> None:
        """Follow them until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.reflector.run())
            await self.reflector.synced.wait()
            self._on_change()

    def ring(self, name: str) -> KeyRing | Problem:
        """Return the keys in a Secret, or what is wrong with it and what to do."""
        data = self.data(name)
        return self._absent(name) if data is None else ring_of(Key(self._namespace, name), data)

    def data(self, name: str) -> Mapping[str, bytes] | None:
        """Return the entries of a Secret, None where there is none of that name, or it isn't known yet."""
        secret = self.reflector.view.objects.get(Key(self._namespace, name))
        return secret.data if secret else None

    def _absent(self, name: str) -> Problem:
        if not self.reflector.synced.is_set():
            why = f": {self.reflector.trouble}" if self.reflector.trouble else " yet"
            return Problem(
                "SecretsUnknown",
                f"The Secrets in the namespace {self._namespace} can't be read{why}."
                " The operator's account needs the right to list and watch them there.",
            )
        return Problem(
            "SecretNotFound",
            f"There is no Secret {name} in the namespace {self._namespace}: make it with"
            f" `kubectl -n {self._namespace} create secret generic {name} --from-literal={CURRENT}=KEY`,"
            f" the KEY written as {_FORM}.",
        )

    def _on_batch(self, _: Batch[Secret]) -> None:
        self._on_change()


def _key(data: Mapping[str, bytes], entry: str) -> TsigKey | None:
    """Read one entry; None where it is absent or empty.

    Raises:
        InvalidKey: it is malformed.
    """
    try:
        text = data.get(entry, b"").decode().strip()
    except UnicodeDecodeError:
        raise InvalidKey(f"the entry `{entry}` is not text") from None
    if not text:
        return None
    try:
        return parse_key(text)
    except InvalidKey as error:
        raise InvalidKey(f"in the entry `{entry}` {error}") from None
