"""Every way in which one octet of a file can be wrong, or the file can be cut."""

from collections.abc import Iterator


def damaged(octets: bytes) -> Iterator[bytes]:
    """Yield the file with each octet changed, in one bit or in all; cut at each; and longer than it was."""
    for at, octet in enumerate(octets):
        change = 1 << at // 2 % 8 if at % 2 else 0xFF
        yield octets[:at] + bytes((octet ^ change,)) + octets[at + 1 :]
        yield octets[:at]
    yield octets + b"\0"
    yield octets + octets
