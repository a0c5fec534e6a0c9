"""Providers that misbehave, for the process of a run to load."""

import logging
import os
import sys
import time
from pathlib import Path

from octodns.provider.base import BaseProvider
from octodns.provider.plan import Plan
from octodns.zone import Zone


class Provider(BaseProvider):  # type: ignore[misc]  # octoDNS has no types
    """Has a zone in memory, and says what it is told to apply in `applied`."""

    SUPPORTS_GEO = False
    SUPPORTS_DYNAMIC = False
    SUPPORTS_ROOT_NS = True
    SUPPORTS_MULTIVALUE_PTR = True
    SUPPORTS = {"A", "AAAA", "NS", "PTR", "SRV", "TXT"}  # noqa: RUF012 - as octoDNS has it

    def __init__(self, id: str, **options: object) -> None:
        self.log = logging.getLogger(id)
        self.existing: list[object] = []
        self.applied: list[list[str]] = []
        super().__init__(id, **options)

    def populate(self, zone: Zone, target: bool = False, lenient: bool = False) -> bool:
        for record in self.existing:
            zone.add_record(record, lenient=True)
        return True

    def _apply(self, plan: Plan) -> None:
        zone = plan.existing.copy()
        zone.apply(plan.changes)
        self.existing = list(zone.records)
        self.applied.append(
            sorted(f"{type(c).__name__} {c.record.name} {c.record._type}" for c in plan.changes)
        )


class Endless(Provider):
    """Writes its process id into a file, and never answers."""

    def __init__(self, id: str, file: str) -> None:
        self._file = Path(file)
        super().__init__(id)

    def populate(self, zone: Zone, target: bool = False, lenient: bool = False) -> bool:
        self._file.write_text(str(os.getpid()))
        time.sleep(600)
        return True


class Talkative(Provider):
    """Prints what it is given, by all the ways there are."""

    def __init__(self, id: str, password: str) -> None:
        print("stdout", password)
        sys.stderr.write(f"stderr {password}")
        sys.stderr.write("\n")
        super().__init__(id)
        self.log.warning("log %s", password)
        raise ValueError(f"the password {password} is too short")


class Leaving(Provider):
    """Ends the process."""

    def __init__(self, id: str) -> None:
        sys.stderr.write("going home\n")
        raise SystemExit(3)
