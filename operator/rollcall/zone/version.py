"""A version that goes out, and where it goes. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from rollcall.directory import ServiceChange
from rollcall.model import Key

from .changes import ZoneDelta
from .zones import Commit


@dataclass(frozen=True, slots=True)
class PublishedVersion:
    """What changed, and what of it was committed to zones.

    `number` counts up where the commit has deltas; without them it is still that of the previous version.
    `received_ns` (time.monotonic_ns) is when the event came in that this follows from.
    """

    number: int
    changes: Mapping[Key, ServiceChange]
    commit: Commit
    received_ns: int

    @property
    def deltas(self) -> tuple[ZoneDelta, ...]:
        """The zones that changed; empty where the change shows in none of them."""
        return self.commit.deltas


class Output:
    """Where versions go: each output overrides what concerns it.

    It is called in the event loop, on the way of a change: at the cost of the change, and without a wait.
    """

    def start(self, version: int) -> None:
        """Begin: everything is known, and published as this version."""

    def on_published(self, version: PublishedVersion) -> None:
        """Hand out a version, or have it handed out."""

    def on_zones_changed(self) -> None:
        """Note that DiscoveryZones came, went or changed, and that those that stay are complete."""
