"""How a version becomes a DNS label."""

import re

_NOT_IN_A_LABEL = re.compile(r"[^a-z0-9-]+")


def version_to_label(version: str) -> str:
    """Turn a version such as `v1.4.2` into a DNS label such as `v1-4-2`; "" where nothing is left.

    Versions are values of Kubernetes labels: at most 63 letters, digits, dots, hyphens and underscores. Two
    of them can have one label; whoever publishes must look for that.
    """
    return _NOT_IN_A_LABEL.sub("-", version.lower()).strip("-")[:63]
