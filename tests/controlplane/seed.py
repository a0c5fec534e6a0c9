"""Many objects at once, written straight into etcd: what a scale test starts from.

Through the API two cores write some hundred pods a second, this way several thousand. Nothing
validates what is written here; the API server reads it as it is. Seed before it has watchers, or
expect its cache to follow a moment later.
"""

import json
import threading
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from controlplane import manifests
from controlplane.client import Json
from controlplane.etcd import Etcd, encoded

_FOLDERS = {"Namespace": "namespaces", "Node": "minions", "Pod": "pods", "Service": "services/specs"}
_BATCH = 100
"""etcd allows 128 operations a transaction."""
_THREADS = 2


def seed(etcd: Etcd, objects: Iterable[Json]) -> int:
    """Write objects as JSON, and return how many there were.

    They are whole objects with their status (see `stored_pod`), of the kinds Namespace, Node, Pod
    and Service. Identity and time are added here. Raises StartFailed when etcd refuses.
    """
    source = iter(objects)
    lock = threading.Lock()

    def work(_: int) -> int:
        count = 0
        while True:
            with lock:
                batch = list(islice(source, _BATCH))
            if not batch:
                return count
            etcd.call("kv/txn", {"success": [{"request_put": _put(item)} for item in batch]})
            count += len(batch)

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="seed") as pool:
        return sum(pool.map(work, range(_THREADS)))


def stored_pod(pod: Json, ips: Iterable[str], *, ready: bool = True) -> Json:
    """Complete a pod of `manifests.pod` with the status of a running one."""
    return {**pod, "status": manifests.running(list(ips), ready=ready) | {"qosClass": "BestEffort"}}


def _put(item: Json) -> dict[str, str]:
    metadata = {
        **item["metadata"],
        "uid": str(uuid.uuid4()),
        "creationTimestamp": manifests.now(),
    }
    parts = ["/registry", _FOLDERS[item["kind"]], metadata.get("namespace"), metadata["name"]]
    return {
        "key": encoded("/".join(part for part in parts if part)),
        "value": encoded(json.dumps({**item, "metadata": metadata}, separators=(",", ":"))),
    }
