"""Whether an operator says a key or a token of the tests: in no log, status, Event or ConfigMap may one be.

Every `rollcall run` of the tests has its log looked through when it ends, and what it has written in a
namespace is looked through before that goes, so that the test in which it said too much fails.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from controlplane import ControlPlane, path
from nameservers.snippets import KEY

WRONG_SECRET = "d3Jvbmc" * 8
"""The secret of a key that no server has."""

_OURS = "rollcall.dev/v1alpha1"
_SECRET_IN_KUBECONFIG = re.compile(r'(?:token|client-key-data|password)"?: *"?([^\s"{},]{12,})')


def secrets(kubeconfig: Path) -> frozenset[str]:
    """Return what an operator with this kubeconfig must not say: its credentials, the keys of servers."""
    keys = {KEY.rsplit(":", 1)[1], WRONG_SECRET}
    entries = {base64.b64encode(each.encode()).decode() for each in (KEY, *keys)}
    return frozenset(keys | entries | set(_SECRET_IN_KUBECONFIG.findall(kubeconfig.read_text())))


def check_untold(secrets: Iterable[str], text: str, where: str) -> None:
    """Raise an AssertionError for the first line that holds a secret, which is left out of its message."""
    for secret in secrets:
        if secret in text:
            line = next((each for each in text.splitlines() if secret in each), text)
            before, _, after = line.partition(secret)
            raise AssertionError(f"{where} holds key material: …{before[-300:]}<secret>{after[:300]}…")


def check_cluster(plane: ControlPlane, namespace: str) -> None:
    """Raise an AssertionError where a secret is in what is written in a namespace, or in zones."""
    known = secrets(plane.kubeconfig)
    for where, text in _written(plane, namespace):
        check_untold(known, text, where)


def _written(plane: ControlPlane, namespace: str) -> Iterator[tuple[str, str]]:
    for version, plural, where in (
        ("v1", "events", namespace),
        ("v1", "events", "default"),  # those of zones
        ("v1", "configmaps", namespace),
        (_OURS, "serviceinstances", namespace),
        (_OURS, "discoveryfiles", namespace),
        (_OURS, "discoveryzones", None),
    ):
        for item in plane.client.list(path(version, plural, where))["items"]:
            yield f"{plural} {item['metadata']['name']}", json.dumps(item)
