"""How services and instances are called in files."""

import re

from rollcall.dnswire.names import ROOT
from rollcall.model import FileSpec, Key
from rollcall.zone.names import InvalidName, below, from_text, to_text

from .rendering import CannotRender

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")  # RFC 1123 section 2.1
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")


def is_label(text: str) -> bool:
    """Whether a text is one label of a host name."""
    return _LABEL.fullmatch(text) is not None


def invalid_name(key: Key) -> str:
    """Say what is wrong with the name of a service; "" where nothing is."""
    for text in key:
        if not is_label(text):
            return (
                f"{text!r} is no name that every consumer takes: use at most 63 of a-z, 0-9 and '-',"
                " beginning and ending with a letter or a digit."
            )
    return ""


def short_name(spec: FileSpec, key: Key) -> str:
    """Return what a service is called where there is no domain.

    As in Kubernetes' own DNS: `web` in the file's own namespace, so that the same configuration works in
    staging and in production, and `web.shop` where a file names namespaces.
    """
    return f"{key.name}.{key.namespace}" if spec.services.namespaces else key.name


def domain_of(spec: FileSpec, *, needed: bool = False) -> bytes:
    """Return the domain of a file in wire format, the root where it has none.

    Raises:
        CannotRender: it is no domain of host names, or it is needed and missing.
    """
    if not spec.domain:
        if needed:
            raise CannotRender(
                "DomainMissing", f"The format {spec.format} needs spec.domain: write the zone's name there."
            )
        return ROOT
    try:
        domain = from_text(spec.domain)
    except InvalidName as error:
        raise CannotRender("InvalidDomain", f"spec.domain: {error}.") from None
    if not _HOST.fullmatch(to_text(domain)):
        raise CannotRender(
            "InvalidDomain",
            f"spec.domain {spec.domain!r} is no domain of host names:"
            " use letters, digits and hyphens between dots.",
        )
    return domain


def service_name(key: Key, domain: bytes) -> bytes:
    """Return `<svc>.<ns>.<domain>` in wire format.

    Raises:
        InvalidName: it is too long.
    """
    return below(domain, key.name, key.namespace)


def instance_name(service: bytes, label: str) -> bytes:
    """Return the name of an instance below that of its service.

    Raises:
        InvalidName: the label is none of a host name, or the name is too long.
    """
    if not is_label(label):
        raise InvalidName(f"{label!r} is no label of a host name")
    return below(service, label)
