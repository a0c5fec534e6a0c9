"""Which resourceVersions of a collection are believed. No I/O, no clock.

They are numbers that grow with every write (KEP-5504), and a list that asks for none is of the newest: it is
never older than what we have seen. One that is comes from something that answers in the API server's place
with what it has kept, or from an API server whose etcd was restored from a backup. The first must change
nothing; the second must not be refused for ever. What tells them apart is that a cluster writes something
every few seconds, and goes on from where it was restored.

So a lower version is believed when lists have shown it for BELIEF_SECONDS, and in these it has grown, each
time from below ours, at least BELIEF_GROWTHS times. A copy stands still; one that is renewed is soon not
below ours any more. Until then such a list is a failed one.
"""

from rollcall.kube.errors import BadAnswer

BELIEF_SECONDS = 10.0
BELIEF_GROWTHS = 2

_MOST_DIGITS = 20
"""Of a number of 64 bits, as etcd's revisions are."""


def read_version(text: str) -> int:
    """Parse a resourceVersion.

    Raises:
        BadAnswer: it is not a number as the API server writes one, or zero, which no object and no list has.
    """
    if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS) or text.startswith("0"):
        raise BadAnswer(f"a resourceVersion that is not a number of the API server's: {text[:64]!r}")
    return int(text)


class Versions:
    """What has been seen of one collection. `newest` is the highest version, 0 before the first.

    `went_back` says that a lower one was believed, and that everything has to be listed again.
    """

    def __init__(self) -> None:
        self.newest = 0
        self.went_back = False
        self._lower = 0
        self._growths = 0
        self._lower_since = 0.0

    def see(self, version: int) -> None:
        """Note the version of an event of the watch: a server that tells of a new one has not gone back."""
        if version > self.newest:
            self.newest = version
            self._lower = 0

    def check(self, version: int, now: float) -> None:
        """Take the version of a list that asked for the newest state, at a time in seconds.

        Where a lower one is believed, `newest` is that from here on, and `went_back` is set.

        Raises:
            BadAnswer: it is lower than what we have seen, and not believed yet.
        """
        if version < self.newest and not self._is_believed(version, now):
            raise BadAnswer(
                f"a list of version {version}, and {self.newest} had been seen: either a proxy or a load"
                " balancer answers with what it has kept, or etcd was restored from a backup; that is"
                " believed once the version has grown for a while"
            )
        self.went_back = self.went_back or version < self.newest
        self.newest = version
        self._lower = 0

    def on_listed(self) -> None:
        """Note that everything has been listed."""
        self.went_back = False

    def _is_believed(self, version: int, now: float) -> bool:
        if not self._lower or version < self._lower:
            self._lower_since, self._growths = now, 0
        elif version > self._lower:
            self._growths += 1
        self._lower = version
        return self._growths >= BELIEF_GROWTHS and now - self._lower_since >= BELIEF_SECONDS
