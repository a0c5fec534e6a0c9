"""The renderings of a DiscoveryFile.

A rendering is a pure function of the file, its services and the serial: no clock, no order of arrival, so
that equal content is equal bytes and is written once.

    formats/   a module a format: what it makes of services, as blocks of text
    format     what a format is
    endpoints  for formats of one address and one port an instance: where instances are reached
    dns_names  for formats that hold DNS names: those of services, ports and instances
    split      blocks into parts that fit into ConfigMaps
    document   all of it together: from a DiscoveryFile and its services to a rendering
"""

from .document import Document, compose, empty_part, render
from .format import CannotRender, LeftOut
from .formats import FORMATS, format_of
from .rendering import Part, Rendering, sha256
from .split import MAX_PART_BYTES, numbered, size_of

__all__ = [
    "FORMATS",
    "MAX_PART_BYTES",
    "CannotRender",
    "Document",
    "LeftOut",
    "Part",
    "Rendering",
    "compose",
    "empty_part",
    "format_of",
    "numbered",
    "render",
    "sha256",
    "size_of",
]
