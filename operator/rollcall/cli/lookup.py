"""`rollcall lookup`: ask a DNS server, and say which instances the answer is."""

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from .options import Command, Failed, GlobalOptions, NotThere, with_global_options

if TYPE_CHECKING:
    import dns.name
    import dns.rdatatype

    from .ask import Nameserver, Reply
    from .explain import ExplainedRecord
    from .objects import ServiceObject

CLUSTER_SECONDS = 5.0
"""How long the cluster may take where it only explains an answer."""


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  rollcall lookup web.shop.k8s.example.com
  rollcall lookup _http._tcp.web.shop.k8s.example.com    SRV
  rollcall lookup v2.versions.web.shop.k8s.example.com   the instances of one version
  rollcall lookup 10.1.0.7                               PTR: whose address is it?
  rollcall lookup web.shop.k8s.example.com AAAA --server 127.0.0.1:10053
  rollcall lookup web.shop.k8s.example.com -o json

\b
From outside the cluster, without a way to its Service addresses:
  kubectl -n rollcall-system port-forward service/rollcall-dns 10053:53
""",
)
@click.argument("name")
@click.argument("type", required=False)
@click.option(
    "--server",
    envvar="ROLLCALL_SERVER",
    show_envvar=True,
    metavar="HOST[:PORT]",
    help="Whom to ask. Default: Rollcall's DNS Service in the cluster.",
)
@with_global_options("Where to look for Rollcall's DNS Service. Default: in all namespaces.")
def lookup(options: GlobalOptions, name: str, type: str | None, server: str | None) -> None:
    """Ask a DNS server, and say which instances the answer is.

    Without TYPE it asks for A and AAAA, for SRV where NAME begins with _port._proto, and for PTR where NAME
    is an address. Where a cluster can be reached, it names the instance behind each record and says why
    others of that service are left out. Exit code 3: there is no such name (NXDOMAIN).
    """
    from .ask import Nameserver, name_and_types

    try:
        owner, types = name_and_types(name, type)
        asked = Nameserver.parse(server) if server else None
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    found = asyncio.run(_look_up(options, owner, types, asked))
    if options.json:
        _print_json(found)
    else:
        _print(options, found)
    _end(found)


@dataclass(slots=True)
class Found:
    """What is known of a name: the replies, and, where a cluster says so, the service behind it."""

    name: str
    server: "Nameserver"
    replies: "dict[str, Reply]"
    service: "ServiceObject | None" = None
    notes: list[str] = field(default_factory=list)

    @property
    def answers(self) -> "list[ExplainedRecord]":
        """All records of all answers."""
        from .explain import records

        return [record for reply in self.replies.values() for record in records(reply.message.answer)]


async def _look_up(
    options: GlobalOptions,
    name: "dns.name.Name",
    types: "list[dns.rdatatype.RdataType]",
    asked: "Nameserver | None",
) -> Found:
    import dns.rdatatype

    from .ask import NoReply, ask

    server = asked or await _server_in_cluster(options)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = {
                dns.rdatatype.to_text(rdtype): group.create_task(ask(server, name, rdtype))
                for rdtype in types
            }
    except* NoReply as errors:
        raise Failed(f"{errors.exceptions[0]}. {_hint(asked)}") from errors
    replies = {rdtype: task.result() for rdtype, task in tasks.items()}
    found = Found(name.to_text(omit_final_dot=True), server, replies)
    await _explain(options, name, found)
    return found


def _hint(asked: "Nameserver | None") -> str:
    if asked:
        return "Is a DNS server running there?"
    return (
        "The addresses of Services answer inside the cluster only. From outside:"
        " kubectl -n rollcall-system port-forward service/rollcall-dns 10053:53, and --server 127.0.0.1:10053"
    )


async def _server_in_cluster(options: GlobalOptions) -> "Nameserver":
    from .ask import Nameserver
    from .cluster import connected

    async with connected(options) as cluster:
        found = await cluster.dns_servers(options.namespace)
    if len(found) == 1:
        return Nameserver(*found.popitem()[1])
    if found:
        raise Failed(
            f"there are several DNS Services of Rollcall ({', '.join(sorted(found))}):"
            " choose a namespace with -n, or an address with --server."
        )
    raise Failed(
        "there is no DNS Service of Rollcall in the cluster: say whom to ask with --server, such as"
        " --server 127.0.0.1:10053 for a `rollcall run` on this machine."
    )


async def _explain(options: GlobalOptions, name: "dns.name.Name", found: Found) -> None:
    """Add what the cluster knows; one that can't be reached is not a failure here."""
    from rollcall.kube import KubeError

    from .advice import advice
    from .cluster import connected
    from .explain import explain, find_service

    key = await find_service(found.server, name, found.replies.values())
    try:
        async with asyncio.timeout(CLUSTER_SECONDS), connected(options) as cluster:
            found.service, notes = await explain(cluster, name, key)
            found.notes += notes
    except TimeoutError:
        found.notes.append("The cluster does not answer: instances are not named.")
    except KubeError as error:
        found.notes.append(f"Instances are not named: {advice(error)}")


def _print(options: GlobalOptions, found: Found) -> None:
    from rollcall.model.state import Health
    from rollcall.model.wording import share

    from .explain import instance_of, limit
    from .output import Printer, line, table
    from .views import instances_parts

    parts = [line(_summary(rdtype, reply, found)) for rdtype, reply in found.replies.items()]
    if answers := found.answers:
        rows = []
        for record in answers:
            instance = instance_of(record, found.service) if found.service else None
            about = [instance.version, instance.node, instance.zone] if instance else []
            rows.append(
                (
                    record.owner,
                    record.ttl,
                    record.rdtype,
                    record.data,
                    f"{instance.pod} ({', '.join(filter(None, about))})".removesuffix(" ()")
                    if instance
                    else "",
                )
            )
        parts += [line(""), table(("NAME", "TTL", "TYPE", "DATA", "INSTANCE"), rows)]
    notes = list(found.notes)
    if (service := found.service) is not None:
        counts = service.status.counts
        some = share(counts.eligible, counts.total, "instance is", "instances are")
        summary = f"{service.key}: {some} answered."
        parts += [
            line(""),
            line(" ".join(filter(None, (summary, limit(service, found.name, found.replies.values()))))),
        ]
        if service.left_out:
            parts += [line("Left out:"), *instances_parts(service.left_out)]
    parts += [line(note, Health.WARN) for note in notes]
    Printer(color=options.color).show(*parts)


def _summary(rdtype: str, reply: "Reply", found: Found) -> str:
    import dns.rcode

    what = reply.rcode
    if reply.message.rcode() == dns.rcode.NOERROR and not reply.message.answer:
        what = "NOERROR, no records of this type"
    return f"{rdtype}: {what}, from {found.server} over {reply.transport} in {reply.milliseconds:.1f} ms"


def _print_json(found: Found) -> None:
    from .output import write_json
    from .views import service_json

    write_json(
        {
            "name": found.name,
            "server": str(found.server),
            "queries": [_query_json(rdtype, reply, found.service) for rdtype, reply in found.replies.items()],
            "service": service_json(found.service, instances=True) if found.service else None,
            "notes": found.notes,
        }
    )


def _query_json(rdtype: str, reply: "Reply", service: "ServiceObject | None") -> dict[str, Any]:
    import dns.flags

    from .explain import instance_of, records

    message = reply.message
    sections = {"answer": message.answer, "authority": message.authority, "additional": message.additional}
    written: dict[str, Any] = {
        "type": rdtype,
        "rcode": reply.rcode,
        "flags": dns.flags.to_text(message.flags).lower().split(),
        "transport": reply.transport,
        "milliseconds": round(reply.milliseconds, 3),
    }
    for section, rrsets in sections.items():
        written[section] = [
            {
                "name": record.owner,
                "ttl": record.ttl,
                "type": record.rdtype,
                "data": record.data,
                "pod": instance.pod if service and (instance := instance_of(record, service)) else None,
            }
            for record in records(rrsets)
        ]
    return written


def _end(found: Found) -> None:
    """Choose the exit code; what was printed has said why."""
    rcodes = {reply.rcode for reply in found.replies.values()}
    if "NXDOMAIN" in rcodes:
        raise NotThere(f"{found.name} does not exist.")
    if bad := sorted(rcodes - {"NOERROR"}):
        raise Failed(f"{found.server} answers {bad[0]}: {_MEANINGS.get(bad[0], 'it can not answer this')}.")


_MEANINGS = {
    "REFUSED": "no zone of this server holds the name, see `rollcall status`",
    "SERVFAIL": "it has not read the cluster yet, or failed",
}
