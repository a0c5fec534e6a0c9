"""Which pods a selector picks, and which selectors pick a pod: an inverted index over labels."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from rollcall.model import Key

_Pair = tuple[str, str, str]  # namespace, label, value


class LabelIndex:
    """Objects of a namespace by those of their labels that the selector of a service names.

    An object can have any number of labels, and most of them nobody ever asks for. A label is filed when the
    first service of a namespace names it, which costs the objects there are in it, until the last one no
    longer does. What a service selects costs the size of the rarest label's set.
    """

    def __init__(self) -> None:
        self._labels: defaultdict[str, dict[Key, Mapping[str, str]]] = defaultdict(dict)
        self._selectors: dict[Key, Mapping[str, str]] = {}
        self._named: defaultdict[str, dict[str, _NamedLabel]] = defaultdict(dict)

    def put(self, key: Key, labels: Mapping[str, str]) -> None:
        """Add an object, or give it other labels."""
        self.discard(key)
        self._labels[key.namespace][key] = labels
        for label, named in self._named_among(key.namespace, labels):
            named.objects[labels[label]].add(key)

    def discard(self, key: Key) -> None:
        """Remove an object, if it is there."""
        known = self._labels[key.namespace]
        labels = known.pop(key, {})
        for label, named in self._named_among(key.namespace, labels):
            objects = named.objects[labels[label]]
            objects.discard(key)
            if not objects:
                del named.objects[labels[label]]
        if not known:
            del self._labels[key.namespace]

    def set_selector(self, service: Key, selector: Mapping[str, str] | None) -> None:
        """Set what a service selects; None or an empty one is nothing, as in a Service."""
        before = self._selectors.pop(service, {})
        if selector:
            self._selectors[service] = selector
        for label in selector or {}:
            self._name(service.namespace, label)
        for label in before:
            self._unname(service.namespace, label)

    def selected_by(self, service: Key) -> list[Key]:
        """Return the objects that have every label of the selector of a service."""
        named = self._named.get(service.namespace, {})
        selector = self._selectors.get(service, {})
        sets = [named[label].objects.get(value, _NO_OBJECTS) for label, value in selector.items()]
        if not sets:
            return []
        rarest = min(sets, key=len)
        return [key for key in rarest if all(key in keys for keys in sets)]

    def _named_among(self, namespace: str, labels: Mapping[str, str]) -> Iterator[tuple[str, "_NamedLabel"]]:
        named = self._named.get(namespace, {})
        fewer = labels if len(labels) < len(named) else named
        return ((label, named[label]) for label in fewer if label in labels and label in named)

    def _name(self, namespace: str, label: str) -> None:
        named = self._named[namespace].get(label)
        if named is None:
            named = self._named[namespace][label] = _NamedLabel()
            for key, labels in self._labels.get(namespace, {}).items():
                if label in labels:
                    named.objects[labels[label]].add(key)
        named.selectors += 1

    def _unname(self, namespace: str, label: str) -> None:
        names = self._named[namespace]
        names[label].selectors -= 1
        if not names[label].selectors:
            del names[label]
        if not names:
            del self._named[namespace]


class _NamedLabel:
    """A label that so many selectors of a namespace name: the objects that have it, by its value."""

    __slots__ = ("objects", "selectors")

    def __init__(self) -> None:
        self.selectors = 0
        self.objects: defaultdict[str, set[Key]] = defaultdict(set)


_NO_OBJECTS: frozenset[Key] = frozenset()


class SelectorIndex:
    """Selectors of a namespace, found by the labels of what they may pick.

    Each selector is filed under one of its pairs only: whatever it picks has that pair too.
    """

    def __init__(self) -> None:
        self._by_pair: defaultdict[_Pair, dict[Key, dict[str, str]]] = defaultdict(dict)
        self._pairs: dict[Key, _Pair] = {}

    def put(self, key: Key, selector: dict[str, str] | None) -> None:
        """Set the selector of a service; None or an empty one picks nothing."""
        pair = self._pairs.pop(key, None)
        if pair is not None:
            del self._by_pair[pair][key]
            if not self._by_pair[pair]:
                del self._by_pair[pair]
        if selector:
            pair = (key.namespace, *min(selector.items()))
            self._pairs[key] = pair
            self._by_pair[pair][key] = selector

    def matching(self, namespace: str, labels: Mapping[str, str]) -> Iterator[Key]:
        """Yield each service whose selector picks an object with these labels."""
        for label, value in labels.items():
            for key, selector in self._by_pair.get((namespace, label, value), {}).items():
                if all(labels.get(wanted) == is_ for wanted, is_ in selector.items()):
                    yield key
