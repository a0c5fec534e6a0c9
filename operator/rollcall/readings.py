"""The metrics that are read from the running parts when Prometheus asks."""

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .metrics import Reading
from .propagation.target_states import TargetState
from .zone.names import to_text

if TYPE_CHECKING:
    from .app import App
    from .propagation.gate import Gatekeeper
    from .watch.reflector import Reflector

_WORKER_EVENTS = (
    "truncated",
    "dropped",
    "failures",
    "limited",
    "slipped",
    "unsent",
    "tcp_refused",
    "tcp_expired",
)


def readings(app: "App") -> Mapping[str, Reading]:
    """Return every reading of the control process, by metric name."""
    return {
        "rollcall_watch_synced": Reading(
            "1 once the first whole list of a resource has been taken in.",
            ("resource",),
            lambda: [((str(r.resource),), r.synced.is_set()) for r in _reflectors(app)],
        ),
        "rollcall_watch_age_seconds": Reading(
            "Since the API server last said anything of a resource, a bookmark included.",
            ("resource",),
            lambda: [((str(r.resource),), r.age_seconds) for r in _reflectors(app)],
        ),
        "rollcall_watch_events_total": Reading(
            "Watch events received.",
            ("resource", "type"),
            lambda: [((str(r.resource), kind), n) for r in _reflectors(app) for kind, n in r.events.items()],
            counter=True,
        ),
        "rollcall_watch_restarts_total": Reading(
            "Ended watches and failed lists.",
            ("resource", "reason"),
            lambda: [((str(r.resource), why), n) for r in _reflectors(app) for why, n in r.restarts.items()],
            counter=True,
        ),
        "rollcall_watch_objects": Reading(
            "Objects known of a resource.",
            ("resource",),
            lambda: [((str(r.resource),), len(r.view.objects)) for r in _reflectors(app)],
        ),
        "rollcall_zone_serial": Reading(
            "The serial of a zone.",
            ("zone",),
            lambda: [((to_text(zone.apex),), zone.serial) for zone in app.zones.contents()],
        ),
        "rollcall_zone_records": Reading(
            "Records in a zone, the SOA left out.",
            ("zone",),
            lambda: [((to_text(zone.apex),), zone.record_count) for zone in app.zones.contents()],
        ),
        "rollcall_kopf_restarts_total": Reading(
            "How often the control path had to be started again.",
            (),
            lambda: [((), app.configuration.restarts)],
            counter=True,
        ),
        "rollcall_status_waiting": Reading(
            "Objects whose status is still to be written.", (), lambda: [((), app.reporting.waiting)]
        ),
        "rollcall_leader": Reading(
            "1 while this replica is the one that writes.", (), lambda: [((), app.leadership.elector.leading)]
        ),
        "rollcall_target_lag_seconds": Reading(
            "For how long a target has been behind; 0 while it has the newest version.",
            ("zone", "domain", "target"),
            lambda: [
                (
                    _target(state),
                    0.0 if state.behind_since is None else max(0.0, time.time() - state.behind_since),
                )
                for state in app.reporting.targets
            ],
        ),
        "rollcall_target_serial": Reading(
            "The serial of the version that a target has, 0 where it has none.",
            ("zone", "domain", "target"),
            lambda: [(_target(state), state.report.serial) for state in app.reporting.targets],
        ),
        "rollcall_target_healthy": Reading(
            "0 where a target fails; the status of the DiscoveryZone says how.",
            ("zone", "domain", "target"),
            lambda: [(_target(state), state.report.healthy) for state in app.reporting.targets],
        ),
        "rollcall_transfers_total": Reading(
            "Transfers served: axfr, ixfr, and current where the secondary had the newest version.",
            ("kind",),
            lambda: [((kind,), n) for kind, n in app.transfers.stats.transfers.items()],
            counter=True,
        ),
        "rollcall_transfers_refused_total": Reading(
            "Requests at the transfer port that were refused.",
            ("reason",),
            lambda: [((reason,), n) for reason, n in app.transfers.stats.refused.items()],
            counter=True,
        ),
        "rollcall_notifies_total": Reading(
            "NOTIFY messages, by what became of them.",
            ("outcome",),
            lambda: [((outcome,), n) for outcome, n in app.transfers.stats.notifies.items()],
            counter=True,
        ),
        "rollcall_publication_gate_writes_total": Reading(
            "Writes of the condition of pods under the publication gate, by what became of them.",
            ("outcome",),
            lambda: [((outcome,), n) for gate in _gate(app) for outcome, n in gate.writes.items()],
            counter=True,
        ),
        "rollcall_publication_gate_waiting": Reading(
            "Pods under the publication gate that are ready but for it.",
            (),
            lambda: [((), gate.waiting) for gate in _gate(app)],
        ),
        "rollcall_services": Reading("Services known.", (), lambda: [((), len(app.directory))]),
        "rollcall_dns_workers": Reading(
            "DNS workers that are being fed.", (), lambda: [((), app.dns_workers.programming.workers)]
        ),
        "rollcall_dns_responses_total": Reading(
            "Responses sent.", ("worker", "transport"), lambda: _responses(app), counter=True
        ),
        "rollcall_dns_errors_total": Reading(
            "Responses with an rcode other than NOERROR.",
            ("worker", "rcode"),
            lambda: [
                ((str(worker), str(rcode)), n)
                for worker, stats in app.dns_workers.stats.items()
                for rcode, n in stats.rcodes.items()
            ],
            counter=True,
        ),
        "rollcall_dns_worker_events_total": Reading(
            "What went otherwise than with a plain answer.",
            ("worker", "event"),
            lambda: [
                ((str(worker), event), getattr(stats, event))
                for worker, stats in app.dns_workers.stats.items()
                for event in _WORKER_EVENTS
            ],
            counter=True,
        ),
        "rollcall_dns_tcp_clients": Reading(
            "Open TCP connections.",
            ("worker",),
            lambda: [((str(worker),), stats.tcp_clients) for worker, stats in app.dns_workers.stats.items()],
        ),
    }


def _reflectors(app: "App") -> "list[Reflector[Any]]":
    return [*app.intake.reflectors, *app.following.reflectors]


def _gate(app: "App") -> "list[Gatekeeper]":
    return [] if app.gatekeeper is None else [app.gatekeeper]


def _target(state: TargetState) -> tuple[str, str, str]:
    return state.report.zone, to_text(state.report.domain), state.report.target


def _responses(app: "App") -> Iterator[tuple[tuple[str, ...], float]]:
    for worker, stats in app.dns_workers.stats.items():
        yield (str(worker), "udp"), stats.udp_responses
        yield (str(worker), "tcp"), stats.tcp_responses
