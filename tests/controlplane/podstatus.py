"""What the kubelet stand-in writes into a pod's status. Pure.

The rules are those of the kubelet (pkg/kubelet/status/generate.go): a pod is ready when its containers are
and each readiness gate has a condition that is True; one that is missing counts as False.
"""

from controlplane.client import Json

_NODE_ADDRESS = "127.0.0.1"


def started(pod: Json, address: str, now: str) -> Json:
    """Return the status of a pod whose containers have been started and are not ready yet."""
    return {
        "phase": "Running",
        "hostIP": _NODE_ADDRESS,
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": now,
        "conditions": [
            _condition("PodScheduled", True, now),
            _condition("Initialized", True, now),
            *_conditions(pod, False, now),
        ],
        "containerStatuses": _containers(pod, {"running": {"startedAt": now}}),
    }


def readiness(pod: Json, containers_ready: bool, now: str) -> Json:
    """Return what has to change for the status to be true; nothing where it is."""
    has = {each["type"]: each for each in pod["status"].get("conditions", ())}
    changes = []
    for each in _conditions(pod, containers_ready, now):
        old = has.get(each["type"], {})
        if (old.get("status"), old.get("reason", "")) != (each["status"], each["reason"]):
            same = old.get("status") == each["status"]
            changes.append({**each, "lastTransitionTime": old["lastTransitionTime"] if same else now})
    if not changes:
        return {}
    containers = [{**each, "ready": containers_ready} for each in pod["status"]["containerStatuses"]]
    return {"conditions": changes, "containerStatuses": containers}


def ended(pod: Json, now: str) -> Json:
    """Return the status of a pod whose containers have ended."""
    state = {"terminated": {"exitCode": 0, "finishedAt": now}}
    return {
        "phase": "Succeeded",
        "conditions": _conditions(pod, False, now),
        "containerStatuses": _containers(pod, state),
    }


def _conditions(pod: Json, containers_ready: bool, now: str) -> list[Json]:
    reason = "" if containers_ready else "ContainersNotReady"
    containers = _condition("ContainersReady", containers_ready, now, reason)
    has = {each["type"]: each["status"] for each in pod["status"].get("conditions", ())}
    gates = [each["conditionType"] for each in pod["spec"].get("readinessGates", ())]
    if containers_ready and any(has.get(gate) != "True" for gate in gates):
        return [containers, _condition("Ready", False, now, "ReadinessGatesNotReady")]
    return [containers, _condition("Ready", containers_ready, now, reason)]


def _containers(pod: Json, state: Json) -> list[Json]:
    return [
        {
            "name": container["name"],
            "image": container["image"],
            "imageID": container["image"],
            "ready": False,
            "started": True,
            "restartCount": 0,
            "state": state,
        }
        for container in pod["spec"]["containers"]
    ]


def _condition(kind: str, value: bool, now: str, reason: str = "") -> Json:
    """Make a condition. A merge patch keeps what it doesn't name: no reason is written as ""."""
    return {"type": kind, "status": str(value), "lastTransitionTime": now, "reason": reason}
