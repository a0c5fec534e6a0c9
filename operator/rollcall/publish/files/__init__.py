"""The renderings of a DiscoveryFile: a module a format, and what they share.

A rendering is a pure function of the file, its services and the serial: no clock, no order of arrival, so
that equal content is equal bytes and is written once.
"""

from collections.abc import Mapping, Sequence

from rollcall.model import DiscoveryFile, Format, Members

from . import dnsmasq, document, env, envoy_eds, haproxy, hosts, json, nginx, prometheus, zonefile
from .document import Document
from .rendering import CannotRender, LeftOut, Part, Renderer, Rendering
from .split import MAX_PART_BYTES, numbered

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
    "numbered",
    "render",
]

FORMATS: Mapping[Format, Renderer] = {
    Format.JSON: json.RENDERER,
    Format.HOSTS: hosts.RENDERER,
    Format.ZONEFILE: zonefile.RENDERER,
    Format.PROMETHEUS: prometheus.RENDERER,
    Format.ENVOY_EDS: envoy_eds.RENDERER,
    Format.NGINX: nginx.RENDERER,
    Format.HAPROXY: haproxy.RENDERER,
    Format.DNSMASQ: dnsmasq.RENDERER,
    Format.ENV: env.RENDERER,
}


def compose(file: DiscoveryFile, services: Sequence[Members]) -> Document:
    """Compose the content of a file; `Document.render(serial)` finishes it.

    Raises:
        CannotRender: the spec leaves nothing to render.
    """
    return document.compose(FORMATS[file.spec.format], file, services)


def render(file: DiscoveryFile, services: Sequence[Members], serial: int) -> Rendering:
    """Render a file of these services. The serial is part of zone files only.

    Raises:
        CannotRender: the spec leaves nothing to render.
    """
    return compose(file, services).render(serial)


def empty_part(file: DiscoveryFile, number: int) -> Part:
    """Return what stands in the ConfigMap of a part that is no longer needed: valid, and empty."""
    return document.empty_part(FORMATS[file.spec.format], file, number)
