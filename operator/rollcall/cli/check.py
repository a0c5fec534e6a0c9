"""`rollcall check`: whether an installation is sound."""

import asyncio
from typing import TYPE_CHECKING

import click

from .options import OPERATOR_NAMESPACE, Command, GlobalOptions, with_global_options

if TYPE_CHECKING:
    from .checks import Level, Line
    from .output import Cell


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  rollcall check
  rollcall check --as system:serviceaccount:rollcall-system:rollcall
  rollcall check -n shop                   the rights of a `run --namespace shop`
  rollcall check --publication-gate        also the right of a `run --publication-gate`
  rollcall check --dns-listen :53         the ports of a `run` on this machine
  rollcall check -o json
""",
)
@click.option(
    "--as",
    "user",
    metavar="USER",
    help="Whose rights to check, such as system:serviceaccount:rollcall-system:rollcall. Default: yours.",
)
@click.option(
    "--operator-namespace",
    envvar="POD_NAMESPACE",
    help="Namespace of the Lease and the Secrets. Default: that of the account in --as, or rollcall-system.",
)
@click.option("--dns-listen", help="The --dns-listen of a `run` on this machine. Default: its own.")
@click.option("--http-listen", help="The --http-listen of a `run` on this machine. Default: its own.")
@click.option("--publication-gate", is_flag=True, help="Check also what `run --publication-gate` needs.")
@with_global_options("Check the rights in this namespace alone. Default: in all.")
@click.pass_context
def check(
    context: click.Context,
    options: GlobalOptions,
    /,
    user: str | None,
    operator_namespace: str | None,
    dns_listen: str | None,
    http_listen: str | None,
    publication_gate: bool,
) -> None:
    """Check an installation: the API, the CRDs, rights, ports and zones.

    Each line is OK, WARN or FAIL; a WARN works, but perhaps not as you think. Exit code 1: something FAILs.
    With -n the rights are those that the operator needs in that namespace alone.
    """
    from .checks import Level

    own = operator_namespace or _namespace_of(user) or OPERATOR_NAMESPACE
    lines = asyncio.run(_run(options, user, own, dns_listen, http_listen, gate=publication_gate))
    worst = max(line.level for line in lines)
    if options.json:
        _print_json(worst, lines)
    else:
        _print(options, lines)
    context.exit(1 if worst is Level.FAIL else 0)


def _namespace_of(user: str | None) -> str:
    """Return the namespace of a service account, "" where the user is not one."""
    _, mark, account = (user or "").partition("system:serviceaccount:")
    return account.partition(":")[0] if mark else ""


async def _run(
    options: GlobalOptions,
    user: str | None,
    operator_namespace: str,
    dns_listen: str | None,
    http_listen: str | None,
    *,
    gate: bool,
) -> "list[Line]":
    from .checks import check_cluster
    from .ports import check_dns, check_http

    lines, zones = await check_cluster(options, user, operator_namespace, gate=gate)
    return [*lines, *await check_dns(options, dns_listen, zones), await check_http(http_listen)]


def _print(options: GlobalOptions, lines: "list[Line]") -> None:
    from rollcall.model.state import State

    from .output import Printer, table

    rows: list[tuple[Cell, ...]] = []
    for line in lines:
        told = " ".join(filter(None, (line.message, line.advice)))
        rows.append((State(line.health, line.level.name), line.check, told))
        rows += [("", "", f"- {detail}") for detail in line.details]
    Printer(color=options.color).show(table(("RESULT", "CHECK", "WHAT"), rows))


def _print_json(worst: "Level", lines: "list[Line]") -> None:
    from .output import write_json

    checks = [
        {
            "check": line.check,
            "result": line.level.name,
            "message": line.message,
            "advice": line.advice,
            "details": line.details,
        }
        for line in lines
    ]
    write_json({"result": worst.name, "checks": checks})
