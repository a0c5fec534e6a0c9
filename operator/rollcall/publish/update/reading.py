"""What a server says of single names: what is there, and what hides them."""

from collections.abc import Mapping
from typing import NamedTuple

from rollcall.dnswire.types import Type
from rollcall.zone.exported import ExportedRRset
from rollcall.zone.marker import marker_name

from .cuts import Cuts
from .server_state import RRsets


class Reading(NamedTuple):
    """The names of units, markers among them, with all RRsets at each; nothing that a wildcard has made up.

    `cuts` are those that have shown in the answers. Of a name below one nothing was learned.
    """

    names: Mapping[bytes, RRsets]
    cuts: Cuts

    def marker(self, root: bytes) -> ExportedRRset | None:
        """Return the TXT RRset at the marker of a unit."""
        return self.names[marker_name(root)].get(Type.TXT)

    def hides(self, *names: bytes) -> bool:
        """Whether any of some names could not be seen."""
        return self.cuts.over(*names) is not None
