"""What happened to a service, for those who follow the directory."""

from dataclasses import dataclass, field

import msgspec

from rollcall.model import Instance, Key, Reason


@dataclass(slots=True)
class ServiceChange:
    """What happened to a service since the last `take_changes`.

    `whole` says that more than its instances changed (or that it came or went): read the whole entry.
    Otherwise `pods` names those whose instance came, went or changed. `eligible` says that the answers to it
    changed: an instance became eligible, or one that was changed or left. `members` says that what files hold
    of it changed: that, or an instance that is being drained. `turned` are pods that came into the answers
    or left them, be it only those of their version.
    """

    whole: bool = False
    eligible: bool = False
    members: bool = False
    pods: set[Key] = field(default_factory=set)
    turned: set[Key] = field(default_factory=set)

    def note(self, pod: Key, before: Instance | None, after: Instance | None) -> None:
        """Note that an instance came, went or changed."""
        self.pods.add(pod)
        if _but_restarts(before, after):
            return
        self.eligible |= _is_eligible(before) or _is_eligible(after)
        if _presence(before) != _presence(after) and not _is_endpoint(before, after):
            self.turned.add(pod)
        self.members |= self.eligible or _is_draining(before) or _is_draining(after)


def _is_endpoint(before: Instance | None, after: Instance | None) -> bool:
    """Whether this is about no pod, so that nobody waits for its turn."""
    return bool((before and before.slice) or (after and after.slice))


def _presence(instance: Instance | None) -> tuple[bool, bool]:
    return (instance.available, instance.eligible) if instance else (False, False)


def _but_restarts(before: Instance | None, after: Instance | None) -> bool:
    """Whether an instance is as it was, but that it has restarted: nothing that anybody is told."""
    if before is None or after is None or before.restarts == after.restarts:
        return False
    return msgspec.structs.replace(before, restarts=after.restarts) == after


def _is_eligible(instance: Instance | None) -> bool:
    return instance is not None and instance.eligible


def _is_draining(instance: Instance | None) -> bool:
    return instance is not None and instance.reason is Reason.DRAINING
