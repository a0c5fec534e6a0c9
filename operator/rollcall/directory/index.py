"""Which pods a selector picks, and which selectors pick a pod: an inverted index over labels."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from rollcall.model import Key

_Pair = tuple[str, str, str]  # namespace, label, value


class LabelIndex:
    """Objects of a namespace by their labels; `select` costs the size of the rarest label's set."""

    def __init__(self) -> None:
        self._by_pair: defaultdict[_Pair, set[Key]] = defaultdict(set)
        self._labels: dict[Key, dict[str, str]] = {}

    def put(self, key: Key, labels: dict[str, str]) -> None:
        """Add an object, or give it other labels."""
        old = self._labels.get(key)
        if old == labels:
            return
        if old is not None:
            self.discard(key)
        self._labels[key] = labels
        for label, value in labels.items():
            self._by_pair[key.namespace, label, value].add(key)

    def discard(self, key: Key) -> None:
        """Remove an object, if it is there."""
        for label, value in self._labels.pop(key, {}).items():
            pair = (key.namespace, label, value)
            keys = self._by_pair[pair]
            keys.discard(key)
            if not keys:
                del self._by_pair[pair]

    def select(self, namespace: str, selector: Mapping[str, str]) -> list[Key]:
        """Return the objects that have every label of a selector; none where it is empty, as in a Service."""
        sets = [self._by_pair.get((namespace, *item), ()) for item in selector.items()]
        if not sets:
            return []
        rarest = min(sets, key=len)
        return [key for key in rarest if all(key in keys for keys in sets)]


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
