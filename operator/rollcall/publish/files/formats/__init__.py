"""The formats: a module each, and a row in this table. The CRD lists the same names, in the same order."""

from collections.abc import Mapping

from rollcall.model import FileSpec
from rollcall.publish.files.format import CannotRender, Format

from . import dnsmasq, env, envoy_eds, haproxy, hosts, json, nginx, prometheus, zonefile

FORMATS: Mapping[str, Format] = {
    "json": json.FORMAT,
    "hosts": hosts.FORMAT,
    "zonefile": zonefile.FORMAT,
    "prometheus": prometheus.FORMAT,
    "envoy-eds": envoy_eds.FORMAT,
    "nginx": nginx.FORMAT,
    "haproxy": haproxy.FORMAT,
    "dnsmasq": dnsmasq.FORMAT,
    "env": env.FORMAT,
}


def format_of(spec: FileSpec) -> Format:
    """Return the format of a file.

    Raises:
        CannotRender: it is one of another version of Rollcall.
    """
    if spec.format not in FORMATS:
        raise CannotRender(
            "UnknownFormat",
            f"This version of Rollcall has no format {spec.format!r}: write one of {', '.join(FORMATS)} in"
            " spec.format, or upgrade Rollcall.",
        )
    return FORMATS[spec.format]
