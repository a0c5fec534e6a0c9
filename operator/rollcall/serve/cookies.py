"""Cookies: a client shows that it gets what is sent to its address (RFC 7873), as RFC 9018 makes them.

A server cookie is a hash of the client's address and cookie under a secret, so that a server keeps nothing of
its clients. Servers that share the secret, such as replicas behind one address, take each other's cookies.

A hash is twice as much work as an answer, so there are so many in a second. Honest clients need few: what
came of a cookie is kept (`serve.shapes`), and each client repeats its own. Beyond that a client without a
server cookie is answered as by a server that has none, and a server cookie goes back as it came, unproven.
"""

import os
import struct
import time
from collections.abc import Callable, Sequence
from hmac import compare_digest
from pathlib import Path

from rollcall.dnswire.edns import CLIENT_COOKIE, COOKIES_SIZE
from rollcall.dnswire.siphash import KEY_SIZE, siphash24

from .errors import CookieSecretError
from .networks import address_of

HASHES_A_SECOND = 500
"""Of one worker: 1 % of its time. A server with 30,000 clients needs as many."""

FRESH_SECONDS = 1800
VALID_SECONDS = 3600
AHEAD_SECONDS = 300
"""How old a cookie gets until it is renewed, and until it is worth nothing; how far ahead the clock of the
replica that made it may be (RFC 9018 section 4.3)."""

MAX_SECRETS = 3
"""The one in use, the previous one, and the next: more would cost a hash each (RFC 9018 section 5)."""

_MAX_FILE = 1 << 12  # octets, of a file of secrets: a longer one isn't one

KEPT_SECONDS = 60
"""For how long what came of a cookie may be kept: it ages meanwhile."""

_HEAD = struct.Struct(">B3xI")  # version, reserved, time
_VERSION = 1


class Cookies:
    """The cookies of one worker. `secrets` are accepted, all of them; new cookies are made with the first.

    Nobody need ask for a `reply` once there are no `hashes_left` in this second.
    """

    def __init__(self, secrets: Sequence[bytes], clock: Callable[[], float] = time.time) -> None:
        self._secrets = secrets
        self._clock = clock
        self.hashes_left = HASHES_A_SECOND
        self._seconds = 0
        self._on_stale: list[Callable[[], None]] = []

    def on_stale(self, forget: Callable[[], None]) -> None:
        """Have this called whenever what came of cookies is to be forgotten."""
        self._on_stale.append(forget)

    def new_second(self) -> None:
        """Note that a second has gone by."""
        self.hashes_left = HASHES_A_SECOND
        self._seconds += 1
        if self._seconds >= KEPT_SECONDS:
            self._seconds = 0
            for forget in self._on_stale:
                forget()

    def reply(self, host: str, cookie: bytes) -> tuple[bytes, bool]:
        """Return the cookie that goes back to an address for its own, and whether the address is proven."""
        client, server = cookie[:CLIENT_COOKIE], cookie[CLIENT_COOKIE:]
        address = address_of(host)
        now = int(self._clock())
        age, is_current = self._check(address, client, server, now)
        if age is None or age > FRESH_SECONDS or not is_current:
            server = self._make(address, client, now)
        return client + server, age is not None

    def _check(self, address: bytes, client: bytes, server: bytes, now: int) -> tuple[int | None, bool]:
        """Return the age of a server cookie, if it is valid, and whether the first secret made it."""
        if len(server) != COOKIES_SIZE - CLIENT_COOKIE or server[0] != _VERSION:
            return None, False
        age = (now - int.from_bytes(server[4:8], "big") + 0x8000_0000 & 0xFFFF_FFFF) - 0x8000_0000  # RFC 1982
        if not -AHEAD_SECONDS <= age <= VALID_SECONDS:
            return None, False
        head, told = server[:8], server[8:]
        for secret in self._secrets:
            if compare_digest(self._hash(secret, client + head + address), told):
                return age, secret is self._secrets[0]
        return None, False

    def _make(self, address: bytes, client: bytes, now: int) -> bytes:
        head = _HEAD.pack(_VERSION, now & 0xFFFF_FFFF)
        return head + self._hash(self._secrets[0], client + head + address)

    def _hash(self, secret: bytes, data: bytes) -> bytes:
        self.hashes_left -= 1
        return siphash24(secret, data)


def read_secrets(path: Path) -> tuple[bytes, ...]:
    """Read secrets, one a line in 32 hexadecimal digits. Raises CookieSecretError; never says a secret."""
    try:
        with path.open("rb") as file:
            octets = file.read(_MAX_FILE + 1)
    except OSError as error:
        raise CookieSecretError(f"cookie secrets {path} can't be read: {error.strerror}") from error
    try:
        secrets = tuple(bytes.fromhex(line.decode("ascii")) for line in octets.split())
    except ValueError:
        secrets = ()
    is_whole = len(octets) <= _MAX_FILE and all(len(secret) == KEY_SIZE for secret in secrets)
    if not (is_whole and 1 <= len(secrets) <= MAX_SECRETS):
        raise CookieSecretError(
            f"cookie secrets {path}: write one secret a line, {MAX_SECRETS} at most, of 32"
            " hexadecimal digits each, the one in use first (openssl rand -hex 16)"
        )
    return secrets


def new_secrets() -> tuple[bytes, ...]:
    """Make a secret."""
    return (os.urandom(KEY_SIZE),)


def write_secrets(path: Path, secrets: Sequence[bytes]) -> None:
    """Write secrets to a new file that only this user can read. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w") as file:
        file.write("".join(f"{secret.hex()}\n" for secret in secrets))
