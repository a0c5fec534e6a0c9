"""What the statuses of our resources have in common.

The same structs are written and read back: by the operator, which takes from there what it has to remember,
by the next leader, and by the commands. So each field has a default, for an object that Rollcall has not
looked at yet. Where a struct leaves out what is empty (`omit_defaults`), `always` marks what is written all
the same.
"""

from typing import TypeVar

import msgspec

T = TypeVar("T")

READY = "Ready"
ENDPOINTS_AVAILABLE = "EndpointsAvailable"
RELEASED = "Released"
RECONCILING = "Reconciling"
STALLED = "Stalled"

TRUE, FALSE = "True", "False"

UNRESERVED = ("Published", "Written", "NoZone")
"""The reasons of a Ready that is True without a but. Another one is: published, less what it names."""

SERVE = "serve"
"""The name that our own server has among the targets."""


def always(default: T) -> T:
    """Give a field a default for reading that is written like any other value.

    msgspec leaves out the default itself, and takes nothing that a factory makes for it.
    """
    field: T = msgspec.field(default_factory=lambda: default)
    return field


class Condition(msgspec.Struct, frozen=True, rename="camel"):
    """A condition (meta/v1 Condition). `reason` is a word for programs, `message` a sentence for people.

    The last two are filled in when it is known what the API server holds.
    """

    type: str
    status: str
    reason: str = ""
    message: str = ""
    observed_generation: int = 0
    last_transition_time: str = ""

    @property
    def is_true(self) -> bool:
        """Whether its status is True."""
        return self.status == TRUE


class Status(msgspec.Struct, frozen=True, rename="camel"):
    """What each status says: which generation of the spec it speaks of, and how that stands."""

    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()

    def condition(self, kind: str) -> Condition | None:
        """Return the condition of a type, None where there is none."""
        return next((each for each in self.conditions if each.type == kind), None)
