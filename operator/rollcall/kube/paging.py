"""How many objects to ask for in a page of a list: as many as fit into so many octets.

An object can have up to 1.5 MB, the limit of etcd, and whoever may make pods decides how many do. A page of
a fixed number of objects has no bound that a process could live with.
"""

MAX_PAGE = 8 << 20
"""Octets of a page with several objects. Usual pods have 5 to 30 KB: 250 of them fit."""


class Paging:
    """The `limit` of the next page. `most` is where it starts, and what it goes back to."""

    def __init__(self, most: int) -> None:
        self.limit = most
        self._most = most

    def on_page(self, octets: int) -> None:
        """Note the length of a page that was read: after a short one more is asked for again."""
        if octets < MAX_PAGE // 4:
            self.limit = min(2 * self.limit, self._most)

    def on_too_long(self) -> None:
        """Note that a page was too long. One object alone never is."""
        self.limit = max(self.limit // 2, 1)
