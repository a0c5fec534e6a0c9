"""Whose the state on disk is: which installation's, of which cluster."""

from typing import Self

import msgspec


class ClusterName(msgspec.Struct, frozen=True):
    """A cluster, as far as it is known without asking it: by the way to its API server.

    `server` is its URL. `authorities` are those that its certificate may come from, each by the SHA-256 of
    its own, in hexadecimal; none where the machine's are meant, or where there is no TLS.

    A better name is the uid of the namespace kube-system, and it can't be had here: state on disk is read
    when the API server is away. The URL alone doesn't do, as it is the same in every pod of most clusters,
    nor do the certificates alone, as a company or a proxy may have the same ones for many clusters.
    """

    server: str = ""
    authorities: tuple[str, ...] = ()

    def is_same(self, other: Self) -> bool:
        """Whether both lead to one cluster.

        While certificates are rotated there are the old one and the new one for a time (Kubernetes, "Manual
        Rotation of CA Certificates"): so one in common is enough.
        """
        if self.server != other.server:
            return False
        return self.authorities == other.authorities or not set(self.authorities).isdisjoint(
            other.authorities
        )


class Owner(msgspec.Struct, frozen=True):
    """An installation in a cluster: who wrote a file, and the only one to read it."""

    identity: str
    cluster: ClusterName = ClusterName()

    def is_same(self, other: Self) -> bool:
        """Whether what one has written is the other's as well."""
        return self.identity == other.identity and self.cluster.is_same(other.cluster)

    def __str__(self) -> str:
        authorities = ", ".join(each[:12] for each in self.cluster.authorities)
        signed = f" (signed by {authorities})" if authorities else ""
        return f"the installation {self.identity!r} at {self.cluster.server or 'no API server'}{signed}"

    def encode(self) -> str:
        """Return it as one word of a command line."""
        return msgspec.json.encode(self).decode()

    @staticmethod
    def decode(text: str) -> "Owner":
        """Parse what `encode` made."""
        return msgspec.json.decode(text, type=Owner)
