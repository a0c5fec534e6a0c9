"""The pure core with a tracker of how far each version has got."""

from collections.abc import Callable
from typing import Any

from rollcall.model import Key, Pod
from rollcall.propagation.tracker import Tracker
from rollcall.zone import PublishedVersion
from unit.consistency import Object
from unit.world import World


class TrackedWorld(World):
    """One DNS worker is connected, and answers a version when it is told to; `version` is the newest."""

    def __init__(
        self, *objects: Object, unix_time: Callable[[], float] = lambda: 0.0, **options: Any
    ) -> None:
        super().__init__(*objects, **options)
        self.tracker = Tracker(self.directory, self.zones, 1, unix_time)
        self.tracker.on_connected(0, True)
        self.version = 0

    def set(self, *pods: Pod) -> None:
        """Let the watch bring states of pods."""
        for each in pods:
            self.tracker.on_pod(each)
            self.apply(each)

    def remove(self, key: Key) -> None:
        """Let the watch bring the end of a pod."""
        self.tracker.on_pod_removed(key)
        self.drop(Pod, key)

    def flow(self) -> PublishedVersion:
        """Hand out what has changed, as a version of its own where a zone has."""
        commit = self.commit()
        self.version += bool(commit.deltas)
        version = PublishedVersion(self.version, self.changes, commit, 0)
        self.tracker.on_published(version)
        return version

    def serve(self) -> None:
        """Let the DNS worker answer the newest version."""
        self.tracker.on_acknowledged(0, self.version, 0.0)

    @property
    def serial(self) -> int:
        """The serial of the one zone."""
        (content,) = self.zones.contents()
        return content.serial
