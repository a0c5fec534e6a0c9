"""What is known of one kind of configuration object, from two sources that overtake one another. No I/O.

kopf tells of changes at once, but neither says when it has told everything nor ever tells of a deletion that
happened while it wasn't looking. A full list does both, but is a moment old when it arrives.
"""

from collections.abc import Callable, Collection, Iterable
from typing import Generic, Protocol, TypeVar

from rollcall.model import Key
from rollcall.watch.resource import Identified, Item


class Versioned(Identified, Protocol):
    """What tells an object from its namesakes, and its states from one another."""

    @property
    def generation(self) -> int:
        """Rises with each change of spec."""


T = TypeVar("T", bound=Versioned)


class Store(Generic[T]):
    """The objects of one kind. `on_change` is called with each new state, and with None for one that is gone.

    An object whose newest state can't be read keeps its last good one; `malformed` says what is wrong.

    States are ordered by resourceVersion, a number that rises (KEP-5504): a generation doesn't rise with
    labels, annotations and status.
    """

    def __init__(self, on_change: Callable[[Key, T | None], None]) -> None:
        self.objects: dict[Key, T] = {}
        self.malformed: dict[Key, str] = {}
        self._on_change = on_change
        self._versions: dict[Key, int] = {}
        self._before_list: dict[Key, T] = {}
        self._gone_since_begun: set[str] = set()

    def put(self, item: Item[T]) -> bool:
        """Keep a state of an object. Returns whether it can't be read and that is news."""
        return self._put(item, is_newer=False)

    def _put(self, item: Item[T], *, is_newer: bool) -> bool:
        key, new = item.key, item.object
        old = self.objects.get(key)
        if old is not None and old.uid != item.uid:
            self._drop(key)
            old = None
        if new is None:
            is_news = self.malformed.get(key) != item.problem
            self.malformed[key] = item.problem
            return is_news
        version = int(item.resource_version) if item.resource_version.isdigit() else 0
        known = (self._versions.get(key, 0), old.generation if old is not None else 0)
        if old is not None and (version, new.generation) < known and not is_newer:
            return False
        self._versions[key] = version
        self.malformed.pop(key, None)
        if new != old:
            self.objects[key] = new
            self._on_change(key, new)
        return False

    def remove(self, key: Key, uid: str) -> None:
        """Drop an object that was deleted; one of another uid is not the one that we know."""
        self._gone_since_begun.add(uid)
        old = self.objects.get(key)
        if old is None or old.uid == uid:
            self.malformed.pop(key, None)
        if old is not None and old.uid == uid:
            self._drop(key)

    def begin_full_list(self) -> None:
        """Note what is known before a list is asked for."""
        self._before_list = dict(self.objects)
        self._gone_since_begun.clear()

    def end_full_list(self, listed: Collection[Item[T]]) -> list[Item[T]]:
        """Bring the store to a full list that was asked for after `begin_full_list`.

        What was learned since the list began is newer than the list. Returns the items that can't
        be read and of which that is news.
        """
        present = {item.key for item in listed}
        for key, before in self._before_list.items():
            known = self.objects.get(key)
            if key not in present and known is not None and known.uid == before.uid:
                self._drop(key)
        for key in self.malformed.keys() - present - self.objects.keys():
            del self.malformed[key]
        news = [item for item in self._not_older(listed) if self._put(item, is_newer=self._stood(item))]
        self._before_list.clear()
        return news

    def _stood(self, item: Item[T]) -> bool:
        """Whether what we know of an object was known before the list: then the list is newer.

        It is so also with a lower generation, which etcd gives after it was restored from a backup.
        """
        known = self.objects.get(item.key)
        return known is not None and self._before_list.get(item.key) is known

    def _not_older(self, listed: Iterable[Item[T]]) -> Iterable[Item[T]]:
        for item in listed:
            known = self.objects.get(item.key)
            replaced = known is not None and known.uid != item.uid
            if item.uid in self._gone_since_begun:
                continue
            before = self._before_list.get(item.key)
            if replaced and known is not None and (before is None or before.uid != known.uid):
                continue  # it took the place of the listed one after the list was made
            yield item

    def _drop(self, key: Key) -> None:
        del self.objects[key]
        self._versions.pop(key, None)
        self._on_change(key, None)
