"""SipHash-2-4 (Aumasson and Bernstein, 2012), which RFC 9018 section 4.4 makes server cookies with.

In Python, as no module of the standard library has it: hashlib has none, and `hash` is another variant with
a secret that processes don't share. It takes some 15 microseconds, twice as long as an answer.
"""

import struct

_MASK = 0xFFFF_FFFF_FFFF_FFFF
_KEY = struct.Struct("<QQ")
KEY_SIZE = _KEY.size


def siphash24(key: bytes, data: bytes) -> bytes:
    """Return the 8 octets of the hash; `key` has 16."""
    k0, k1 = _KEY.unpack(key)
    v0 = k0 ^ 0x736F_6D65_7073_6575
    v1 = k1 ^ 0x646F_7261_6E64_6F6D
    v2 = k0 ^ 0x6C79_6765_6E65_7261
    v3 = k1 ^ 0x7465_6462_7974_6573
    size = len(data)
    padded = data + bytes(7 - size % 8) + bytes((size & 0xFF,))
    for (word,) in struct.iter_unpack("<Q", padded):
        v0, v1, v2, v3 = _rounds(2, v0, v1, v2, v3 ^ word)
        v0 ^= word
    v0, v1, v2, v3 = _rounds(4, v0, v1, v2 ^ 0xFF, v3)
    return (v0 ^ v1 ^ v2 ^ v3).to_bytes(8, "little")


def _rounds(number: int, v0: int, v1: int, v2: int, v3: int) -> tuple[int, int, int, int]:
    mask = _MASK
    for _ in range(number):
        v0 = v0 + v1 & mask
        v1 = (v1 << 13 | v1 >> 51) & mask ^ v0
        v0 = (v0 << 32 | v0 >> 32) & mask
        v2 = v2 + v3 & mask
        v3 = (v3 << 16 | v3 >> 48) & mask ^ v2
        v0 = v0 + v3 & mask
        v3 = (v3 << 21 | v3 >> 43) & mask ^ v0
        v2 = v2 + v1 & mask
        v1 = (v1 << 17 | v1 >> 47) & mask ^ v2
        v2 = (v2 << 32 | v2 >> 32) & mask
    return v0, v1, v2, v3
