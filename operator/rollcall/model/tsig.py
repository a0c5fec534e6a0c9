"""Keys that sign DNS messages (TSIG, RFC 8945).

A key is written as `dig -y` takes it: `ALGORITHM:NAME:SECRET`, the secret in base64. Algorithm and name are
both domain names (RFC 8945 section 4.2): neither case nor a last dot, with which dig prints them, means
anything. Nor does white space around the three, or in the secret, for base64 tools break lines.
"""

import base64
import re

import msgspec

ALGORITHMS = ("hmac-sha256", "hmac-sha384", "hmac-sha512")
_ALGORITHMS_OF_OTHERS = re.compile(r"hmac-(md5(\.sig-alg\.reg\.int)?|sha\d{1,3}(-\d{1,3})?)|gss-tsig")
MIN_SECRET = 16
"""Octets; what is shorter than half a SHA-256 can be guessed too soon (RFC 8945 section 6)."""

_NAME = re.compile(r"([A-Za-z0-9_]([-A-Za-z0-9_]{0,62})[.])*[A-Za-z0-9_]([-A-Za-z0-9_]{0,62})[.]?")


class InvalidKey(ValueError):
    """A text that is not a key, or not one that we use. The message never holds the secret."""


class TsigKey(msgspec.Struct, frozen=True):
    """A key. `name` is a domain name in lower case without the last dot, `algorithm` one of ALGORITHMS."""

    name: str
    algorithm: str
    secret: bytes

    def __repr__(self) -> str:
        """Leave the secret out: reprs end up in logs."""
        return f"TsigKey({self.algorithm}:{self.name})"


class KeyRing(msgspec.Struct, frozen=True):
    """The key that signs, and during a rotation the previous one, which is still accepted."""

    current: TsigKey
    previous: TsigKey | None = None

    @property
    def keys(self) -> tuple[TsigKey, ...]:
        """The keys, the current one first."""
        return (self.current,) if self.previous is None else (self.current, self.previous)


def parse_key(text: str) -> TsigKey:
    """Read a key as `dig -y` takes it.

    Raises:
        InvalidKey: it is malformed, its algorithm is too weak or unknown, or its secret too short.
    """
    parts = [part.strip() for part in text.split(":")]
    if len(parts) != 3:
        raise InvalidKey("a key is written as ALGORITHM:NAME:SECRET, such as hmac-sha256:rollcall:<base64>")
    algorithm, name, secret = parts[0].lower().removesuffix("."), parts[1], "".join(parts[2].split())
    if algorithm not in ALGORITHMS:
        # Whoever mixes up the order has the secret in any of the three places.
        which = (
            f"the algorithm {algorithm}" if _ALGORITHMS_OF_OTHERS.fullmatch(algorithm) else "what comes first"
        )
        raise InvalidKey(
            f"{which} is not one of {', '.join(ALGORITHMS)}: a key is written as"
            " ALGORITHM:NAME:SECRET, such as hmac-sha256:rollcall:<base64>; one of another algorithm has to"
            " be made anew"
        )
    if not _NAME.fullmatch(name) or len(name) > 253:
        raise InvalidKey("the name of the key is not a domain name")
    try:
        raw = base64.b64decode(secret, validate=True)
    except ValueError:
        raise InvalidKey("the secret, what comes last, is not base64") from None
    if len(raw) < MIN_SECRET:
        raise InvalidKey(f"the secret has {len(raw)} octets; at least {MIN_SECRET} are needed")
    return TsigKey(name.lower().removesuffix("."), algorithm, raw)
