"""What a reflector knows of its resource, and what a new observation changes. No I/O."""

from collections.abc import Collection
from typing import Generic

import msgspec

from rollcall.model import Key

from .resource import Item, T


class Change(msgspec.Struct, Generic[T], frozen=True):
    """One object from one state to the next: `old` is None where it is new, `new` where it is gone.

    Two objects of one name in succession (another uid) are two changes.
    """

    key: Key
    old: T | None
    new: T | None


class View(Generic[T]):
    """The last good state of every object.

    `objects` is for reading only. `malformed` holds, for each object whose newest state could not be read,
    what was wrong with it; what was known of that object before stays.
    """

    def __init__(self) -> None:
        self.objects: dict[Key, T] = {}
        self.malformed: dict[Key, str] = {}

    def put(self, item: Item[T], changes: list[Change[T]]) -> bool:
        """Keep a state of an object; append what that changes.

        Returns whether the state could not be read and that is news.
        """
        key, new = item.key, item.object
        old = self.objects.get(key)
        if old is not None and old.uid != item.uid:
            del self.objects[key]
            changes.append(Change(key, old, None))
            old = None
        if new is None:
            news = self.malformed.get(key) != item.problem
            self.malformed[key] = item.problem
            return news
        if self.malformed:
            self.malformed.pop(key, None)
        if old != new:
            self.objects[key] = new
            changes.append(Change(key, old, new))
        return False

    def remove(self, key: Key, uid: str, changes: list[Change[T]]) -> None:
        """Drop an object that was deleted; one of another uid is not the one that we know."""
        self.malformed.pop(key, None)
        old = self.objects.get(key)
        if old is not None and old.uid == uid:
            del self.objects[key]
            changes.append(Change(key, old, None))

    def retain(self, keys: Collection[Key], changes: list[Change[T]]) -> None:
        """Drop all objects but these: a whole list has shown that no other exists."""
        gone = [key for key in self.objects if key not in keys]
        changes.extend(Change(key, self.objects.pop(key), None) for key in gone)
        for key in [key for key in self.malformed if key not in keys]:
            del self.malformed[key]
