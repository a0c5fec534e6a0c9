"""Who has written a ServiceInstance, and which Helm release a Service belongs to."""

import msgspec

FIELD_MANAGER = "rollcall-operator"
"""As whom the operator writes ServiceInstances. By it one is known that was made for its status."""


class HelmRelease(msgspec.Struct, frozen=True):
    """The release of Helm that an object bears the marks of."""

    name: str
    namespace: str


class Origin(msgspec.Struct, frozen=True):
    """What of a ServiceInstance is ours.

    `is_generated`: nobody but us has written it, but for its status. `owner` is the uid of the Service that
    we have made its owner, "" where we have made none. `release` is the one whose marks it bears.
    """

    is_generated: bool = False
    owner: str = ""
    release: HelmRelease | None = None
