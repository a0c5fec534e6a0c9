"""Which DiscoveryZones are whose, where several installations of Rollcall share a cluster. Pure.

A zone belongs to one installation: the one whose identity its status names as the owner. It is taken by
writing that, on the condition that the object has its resourceVersion still; so two can't both take it.
See docs/explanation/who-writes.md.
"""

import msgspec

from rollcall.model import OWNER_ANNOTATION, DiscoveryZone, LabelSelector, Problem
from rollcall.model.wording import abridged

NOT_WATCHED = "NamespaceNotWatched"
ANOTHERS = "OwnedByAnother"
GIVEN_UP = "GivenUp"
AWAITED = "OwnerAwaited"

_NAMED = 5
"""So many namespaces are named in a message; the rest is counted."""


class Installation(msgspec.Struct, frozen=True):
    """An installation of Rollcall, all replicas of it.

    `identity` is the owner that markers and statuses name. `namespace` is the only one that it watches, ""
    for all of them. It has nothing to do with zones whose labels `zone_selector` doesn't match.
    """

    identity: str
    namespace: str = ""
    zone_selector: LabelSelector = LabelSelector()

    def selects(self, zone: DiscoveryZone) -> bool:
        """Whether it has anything to do with a zone."""
        return self.zone_selector.matches(zone.labels)

    def takes(self, zone: DiscoveryZone) -> bool:
        """Whether a zone is ours, or ours to take.

        One that a user has given to another installation stays with its owner until that one has taken it.
        """
        if not self.selects(zone):
            return False
        if self.identity in (zone.owner, zone.assigned):
            return True
        return not zone.owner and not zone.assigned

    def owner_to_write(self, zone: DiscoveryZone) -> str | None:
        """Return the owner that its status is to name by us, None where we are not to write it.

        "" is nobody: what we give up, or can't publish while it isn't ours: another may be able to.
        """
        if not self.takes(zone):
            return "" if zone.owner == self.identity else None
        if zone.owner == self.identity or self.refusal(zone) is None:
            return self.identity
        return None if zone.owner else ""

    def unwatched(self, zone: DiscoveryZone) -> list[str]:
        """Return the namespaces that a zone names and that are not watched here."""
        return sorted(set(zone.spec.namespaces) - {self.namespace}) if self.namespace else []

    def refusal(self, zone: DiscoveryZone) -> Problem | None:
        """Return why a zone can't be published from here at all, or None."""
        unwatched = self.unwatched(zone)
        if not unwatched or self.namespace in zone.spec.namespaces:
            return None
        return Problem(
            NOT_WATCHED,
            f"spec.namespaces of the DiscoveryZone {zone.name} is for {_listed(unwatched)}, and the"
            f" installation {self.identity} watches {self.namespace} alone (--namespace, watchNamespace in"
            f" the chart): name {self.namespace} there, or leave the zone to an installation that watches"
            " what it names.",
        )

    def caveat(self, zone: DiscoveryZone) -> Problem | None:
        """Return what one should know of a zone that is ours and published as far as it can be, or None."""
        if zone.assigned not in ("", self.identity):
            return Problem(
                AWAITED,
                f"The annotation {OWNER_ANNOTATION} gives it to the installation {zone.assigned}, which"
                f" has not taken it: {self.identity} goes on until then. Is that the --identity of one that"
                " runs?",
            )
        if unwatched := self.unwatched(zone):
            return Problem(
                NOT_WATCHED,
                f"The services of {_listed(unwatched)} are not in it: the installation {self.identity}"
                f" watches {self.namespace} alone (--namespace, watchNamespace in the chart). Take them out"
                " of spec.namespaces, or have the zone published by an installation that watches them.",
            )
        return None

    def restriction(self, zone: DiscoveryZone) -> str:
        """Return what is said of a zone of all namespaces where one alone is watched, otherwise ""."""
        if not self.namespace or zone.spec.namespaces:
            return ""
        return (
            f"The services of {self.namespace} alone are in it: the installation {self.identity} watches no"
            " other namespace (--namespace, watchNamespace in the chart)."
        )

    def why_off(self, zone: DiscoveryZone) -> Problem | None:
        """Return why we keep off a zone that our selector matches, None where we don't."""
        if not self.selects(zone) or self.takes(zone):
            return None
        whose = f"belongs to the installation {zone.owner} (status.owner)"
        if not zone.owner:
            whose = f"is given to the installation {zone.assigned} (annotation {OWNER_ANNOTATION})"
        return Problem(
            ANOTHERS,
            f"The DiscoveryZone {zone.name} {whose}: {self.identity} keeps off, and answers nothing in"
            f" {zone.spec.domain}. To have it here: kubectl annotate --overwrite dz {zone.name}"
            f" {OWNER_ANNOTATION}={self.identity}",
        )

    def given_up(self) -> Problem:
        """Return what is said of a zone that was ours until its labels, or our selector, changed."""
        return Problem(
            GIVEN_UP,
            f"The installation {self.identity} has given it up, for its --zone-selector doesn't match the"
            " labels of the zone: nobody answers for it until one takes it whose selector does.",
        )


def _listed(namespaces: list[str]) -> str:
    return abridged(namespaces[:_NAMED], len(namespaces))
