"""Whether a view is what the API server has: a slow list, held against it while the watch goes on. No I/O.

An etcd that was restored from a backup goes on from a lower version, with other objects than we know. Once it
has overtaken ours, a watch that resumes is accepted, and everything between the backup and our version is
missed: neither a 410 nor a version tells. What does tell are the objects themselves: on one history whatever
a list says otherwise than the view is explained by an event, one that has come since the list was begun or
is about to.
"""

from collections.abc import Mapping
from typing import Generic

from rollcall.model import Key

from .resource import Item, T

GRACE_SECONDS = 10.0
"""How late an event may be that a list has known of."""


class Audit(Generic[T]):
    """One comparison, begun before the list is asked for. `objects` are those of the view, which goes on."""

    def __init__(self, objects: Mapping[Key, T]) -> None:
        self._objects = objects
        self._unlisted = set(objects)
        self._told = set[Key]()
        self._odd: dict[Key, float] = {}

    def on_event(self, key: Key) -> None:
        """Note an object that the watch tells of: it is as the server says, whatever the list does."""
        self._told.add(key)

    def compare(self, item: Item[T], now: float) -> None:
        """Take an object of the list, at a time in seconds."""
        self._unlisted.discard(item.key)
        if item.object is not None and item.object != self._objects.get(item.key):
            self._odd[item.key] = now

    def end(self, now: float) -> None:
        """Note that the list is whole: what was known before and is not in it should be gone."""
        self._odd.update(dict.fromkeys(self._unlisted, now))

    def unexplained(self, now: float) -> list[Key]:
        """Return the objects of which the list has said something else, and no event has in time."""
        return [
            key for key, since in self._odd.items() if key not in self._told and now - since >= GRACE_SECONDS
        ]
