"""Which version each DNS worker answers. Pure."""

_NOTHING = -1
"""The version of a worker that answers from a snapshot, if at all."""


class WorkerVersions:
    """The version of each connected worker. `wanted` is how many of them there are to be."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self._versions: dict[int, int] = {}

    def on_connected(self, worker: int, is_connected: bool) -> None:
        """Note that a worker came or went; nobody waits for one that is gone."""
        if is_connected:
            self._versions[worker] = _NOTHING
        else:
            self._versions.pop(worker, None)

    def on_acknowledged(self, worker: int, version: int) -> int:
        """Note that a worker answers a version; return the one that all connected workers answer."""
        self._versions[worker] = version
        return min(self._versions.values())

    @property
    def connected(self) -> int:
        """How many workers are connected."""
        return len(self._versions)

    def why_not_fed(self) -> str:
        """Return why not all of them answer from what this process told them, "" where they do."""
        fed = sum(version != _NOTHING for version in self._versions.values())
        return "" if fed == self._wanted else f"{fed} of {self._wanted} DNS workers have the current state"

    def why_not_connected(self) -> str:
        """Return why not all of them answer at all, be it from a snapshot; "" where they do."""
        connected = self.connected
        return "" if connected == self._wanted else f"{connected} of {self._wanted} DNS workers run"
