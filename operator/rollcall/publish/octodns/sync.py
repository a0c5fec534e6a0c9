"""One run of octoDNS: builds the provider, plans, checks, applies."""

import importlib
from collections.abc import Iterator
from typing import Any

from octodns.provider.base import BaseProvider
from octodns.provider.plan import Plan
from octodns.record import Create, Delete, Record
from octodns.record.exception import ValidationError
from octodns.zone import Zone

from rollcall.model.wording import abridged
from rollcall.zone.names import from_text, to_text

from .desired import Desired, desired, marker_name
from .exchange import Outcome, SyncRequest
from .failures import ZoneMissing, failed
from .ownership import Ownership
from .settings import ENTRY, InvalidSettings, ProviderConfig

MAX_NAMED = 5
"""So many names an outcome gives before it says how many more there are."""


class Run:
    """One run; what it has changed so far is known when it fails, too."""

    def __init__(self, request: SyncRequest) -> None:
        self._request = request
        self._left_out: list[str] = []
        self._counts = {"Create": 0, "Update": 0, "Delete": 0}

    def outcome(self, config: ProviderConfig) -> Outcome:
        """Bring the provider's zone up to date; whatever goes wrong is in the outcome."""
        taken: list[str] = []
        failure, message = None, ""
        try:
            taken = self._sync(config)
        except Exception as error:
            failure, message = failed(error, self._request.secret)
        return Outcome(
            created=self._counts["Create"],
            updated=self._counts["Update"],
            deleted=self._counts["Delete"],
            failure=failure,
            message=message,
            taken=abridged(taken[:MAX_NAMED], len(taken)),
            taken_names=tuple(map(from_text, taken)),
            left_out=abridged(self._left_out[:MAX_NAMED], len(self._left_out)),
        )

    def _sync(self, config: ProviderConfig) -> list[str]:
        """Return the names that are taken."""
        Record.enable_validators(("legacy",))  # octoDNS's default; unsaid, it warns each time
        provider = build(config, self._request)
        domain = f"{to_text(self._request.domain)}."
        zone = Zone(domain, [])
        roots = self._fill(zone, provider)
        ownership = Ownership(self._request.identity, roots)
        apex = _ApexNs(provider)
        plan = provider.plan(zone, processors=[ownership])
        if plan is not None:
            if plan.exists is False:  # octoDNS would make one, in whatever account this is
                raise ZoneMissing(f"The provider has no zone {domain} Make one there for Rollcall alone.")
            apex.put_back(plan.existing)
            self._apply_plan(provider, plan, ownership)
        return [f"{root}.{domain}" for root in sorted(ownership.taken)]

    def _fill(self, zone: Any, provider: Any) -> set[str]:
        """Make the records; return the units that have their marker. Those without are left out."""
        request = self._request
        records: list[tuple[Desired, Any]] = []
        for each in desired(request.rrsets, request.domain, request.identity, self._left_out):
            try:
                record = Record.new(zone, each.name, _held(each.data, provider))
            except ValidationError as error:
                self._left_out.append(f"{each.name} ({'; '.join(error.reasons)})")
                continue
            if not provider.supports(record):
                self._left_out.append(f"{each.name} ({record._type})")
                continue
            records.append((each, record))
        roots = {each.root for each, _ in records if each.is_marker}
        for each, record in records:
            if each.root in roots:
                zone.add_record(record)
        if records and not roots:
            raise InvalidSettings(
                "The provider holds no TXT records, which mark what is Rollcall's: choose another one."
            )
        return roots

    def _apply_plan(self, provider: Any, plan: Any, ownership: Ownership) -> None:
        """Apply what concerns our names, if octoDNS takes it for safe: in the whole zone, and in our part."""
        changes = [change for change in plan.changes if ownership.owns(change.record.name)]
        ours = plan.existing.copy()
        for record in plan.existing.records:
            if not ownership.owns(record.name):
                ours.remove_record(record)
        for existing in (plan.existing, ours):
            _part(plan, existing, changes).raise_if_unsafe()
        existing = plan.existing
        for batch in _batches(changes):
            part = _part(plan, existing, batch)
            provider.apply(part)
            for kind, count in part.change_counts.items():
                self._counts[kind] += count
            existing = existing.copy()
            existing.apply(batch)


class _ApexNs:
    """Remembers the NS RRset of the apex, which octoDNS drops from what exists if none is desired.

    A provider that writes the zone as a whole would write it without.
    """

    def __init__(self, provider: Any) -> None:
        self._record: Any = None
        populate = provider.populate

        def remember(zone: Any, *arguments: Any, **options: Any) -> Any:
            exists = populate(zone, *arguments, **options)
            self._record = zone.root_ns
            return exists

        provider.populate = remember

    def put_back(self, existing: Any) -> None:
        """Have it in the existing zone again."""
        if self._record is not None:
            existing.add_record(self._record, replace=True, lenient=True)


def build(config: ProviderConfig, request: SyncRequest) -> Any:
    """Make the provider.

    Raises:
        InvalidSettings: there is no such provider, or it doesn't take these settings.
    """
    module_name, _, class_name = config.class_path.rpartition(".")
    where = f"{ENTRY} of the Secret {request.secret}"
    try:
        kind = getattr(importlib.import_module(module_name), class_name)
    except ModuleNotFoundError as error:
        package = (error.name or module_name).partition(".")[0].replace("_", "-")
        raise InvalidSettings(
            f"The class {config.class_path} needs the Python package {package}, which Rollcall's image"
            f" doesn't have: make an image with it, or correct the class in {where}."
        ) from error
    except (AttributeError, ImportError, ValueError) as error:
        raise InvalidSettings(f"There is no class {config.class_path}: correct it in {where}.") from error
    if not (isinstance(kind, type) and issubclass(kind, BaseProvider)):
        raise InvalidSettings(f"{config.class_path} is not a provider of octoDNS: correct class in {where}.")
    try:
        provider = kind(request.target, **config.arguments)
    except (TypeError, ValueError) as error:
        raise InvalidSettings(
            f"{config.class_path} doesn't take the settings of {where}: {error}."
        ) from error
    if provider.apply_disabled:
        raise InvalidSettings(f"apply_disabled is set in {where}: nothing is published. Remove it.")
    provider.root_ns_warnings = False  # that none is desired is on purpose
    return provider


def _held(data: dict[str, Any], provider: Any) -> dict[str, Any]:
    """Return what a provider can hold of an RRset: many hold one PTR record a name."""
    if data["type"] == "PTR" and not provider.SUPPORTS_MULTIVALUE_PTR:
        return data | {"values": data["values"][:1]}
    return data


def _part(plan: Any, existing: Any, changes: list[Any]) -> Any:
    return Plan(
        existing,
        plan.desired,
        changes,
        plan.exists,
        plan.update_pcent_threshold,
        plan.delete_pcent_threshold,
    )


def _batches(changes: list[Any]) -> Iterator[list[Any]]:
    """Divide changes so that a run that ends half-way leaves no record without its marker."""
    first = [change for change in changes if _is_marker(change) and isinstance(change, Create)]
    last = [change for change in changes if _is_marker(change) and isinstance(change, Delete)]
    outer = {id(change) for change in (*first, *last)}
    between = [change for change in changes if id(change) not in outer]
    return (batch for batch in (first, between, last) if batch)


def _is_marker(change: Any) -> bool:
    root = change.record.name.partition(".")[2]
    return bool(change.record._type == "TXT" and root and change.record.name == marker_name(root))
