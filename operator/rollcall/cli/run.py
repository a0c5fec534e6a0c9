"""`rollcall run`: the operator."""

import asyncio
import logging
import os
import re
import socket
import sys
from contextlib import ExitStack
from pathlib import Path

import click

from rollcall import logs
from rollcall.config import DNS_LISTEN, HTTP_LISTEN, Config
from rollcall.model import LabelSelector, parse_selector, short_duration_seconds
from rollcall.model.lease_times import LeaseTimes
from rollcall.model.owner import Owner
from rollcall.model.quotas import FILES_PER_NAMESPACE, SERVICES_PER_POD

from .options import OPERATOR_NAMESPACE

log = logging.getLogger("rollcall")  # JSON logs tell the name, and people may filter by it

LEASE_TIMES = LeaseTimes()
"""Unless others are asked for."""

LAMEDUCK_SECONDS = 10.0
"""Longer than kube-proxy and most load balancers take to hear that an endpoint is ending."""

GENERATE_AFTER_SECONDS = 10.0
"""Unless another time is asked for: longer than it takes to install a chart of a hundred objects."""

_IDENTITY = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


def _identity(_: click.Context, __: click.Parameter, value: str) -> str:
    if not _IDENTITY.fullmatch(value):
        raise click.BadParameter(f"{value!r}: write up to 63 letters, digits, '.', '_' or '-'.")
    return value


def _duration(_: click.Context, __: click.Parameter, value: str) -> float:
    try:
        return short_duration_seconds(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from error


def _selector(_: click.Context, __: click.Parameter, value: str) -> LabelSelector:
    try:
        return parse_selector(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from error


def _default_lameduck() -> str:
    """Return how long to answer after SIGTERM: nobody at a terminal waits for load balancers."""
    is_terminal = any(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))
    return "0s" if is_terminal else f"{LAMEDUCK_SECONDS:g}s"


@click.command(
    epilog="""\b
Examples:
  rollcall run                                    the current kubeconfig, DNS on 127.0.0.1:10053
  rollcall run --dns-listen :53 --dns-workers 2   all addresses, IPv4 and IPv6
  rollcall run --transfer-listen :5300           also a hidden primary for other servers
  rollcall run --namespace shop --state-dir /var/lib/rollcall --log-format json
"""
)
@click.option(
    "--kubeconfig",
    type=click.Path(exists=True, dir_okay=False),
    help="Kubeconfig file. Default: $KUBECONFIG, the pod's own account inside a cluster, ~/.kube/config.",
)
@click.option("--context", "cluster_context", help="Context of the kubeconfig. Default: its current one.")
@click.option("-n", "--namespace", default="", help="Watch this namespace only. Default: all.")
@click.option(
    "--zone-selector",
    metavar="SELECTOR",
    callback=_selector,
    default="",
    help="Publish only the DiscoveryZones with these labels: team=shop, 'env in (a,b)', '!team'."
    " Default: all.",
)
@click.option(
    "--dns-listen",
    default=DNS_LISTEN,
    show_default=True,
    help="Address and port for DNS, UDP and TCP. Without an address (:53) all of this machine, IPv4 and IPv6;"
    " port 0 picks a free one.",
)
@click.option(
    "--dns-workers",
    type=click.IntRange(1, 64),
    default=min(2, os.cpu_count() or 1),
    show_default="2, or 1 on a single core",
    help="Processes that answer DNS.",
)
@click.option(
    "--cookie-secrets",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with the secrets of DNS cookies, 32 hexadecimal digits a line, the one in use first; the same"
    " for all replicas. Default: a secret of its own.",
)
@click.option(
    "--transfer-listen",
    help="Address and port for transfers to secondaries, UDP and TCP. Default: nobody can transfer.",
)
@click.option(
    "--http-listen",
    default=HTTP_LISTEN,
    show_default=True,
    help="Address and port for /healthz, /readyz, /metrics and /v1/files; port 0 picks a free one.",
)
@click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keeps the last answers and the serials over restarts; one for each installation and replica."
    " Default: a folder of its own for each --identity and API server, in ~/.local/state/rollcall.",
)
@click.option(
    "--identity",
    default="rollcall",
    show_default=True,
    callback=_identity,
    help="Owner id in the status of zones and in their TXT markers. One for each installation.",
)
@click.option(
    "--operator-namespace",
    envvar="POD_NAMESPACE",
    default=OPERATOR_NAMESPACE,
    show_default=f"$POD_NAMESPACE, or {OPERATOR_NAMESPACE}",
    help="Namespace of the Lease, and of the Secrets with the keys of DNS servers.",
)
@click.option(
    "--leader-elect",
    is_flag=True,
    help="Let only the holder of a Lease write and serve transfers: for more than one replica.",
)
@click.option(
    "--leader-elect-lease-duration",
    metavar="DURATION",
    callback=_duration,
    default=f"{LEASE_TIMES.duration_seconds:g}s",
    show_default=True,
    help="How long the others wait for a leader that no longer renews the Lease.",
)
@click.option(
    "--leader-elect-renew-deadline",
    metavar="DURATION",
    callback=_duration,
    default=f"{LEASE_TIMES.renew_deadline_seconds:g}s",
    show_default=True,
    help="How long a leader that can't renew the Lease goes on; shorter than the duration.",
)
@click.option(
    "--leader-elect-retry-period",
    metavar="DURATION",
    callback=_duration,
    default=f"{LEASE_TIMES.retry_period_seconds:g}s",
    show_default=True,
    help="How often the Lease is renewed, and looked at by those that wait.",
)
@click.option(
    "--lameduck",
    metavar="DURATION",
    callback=_duration,
    default=_default_lameduck,
    show_default=f"{LAMEDUCK_SECONDS:g}s, or 0s at a terminal",
    help="How long to go on answering after SIGTERM, no longer ready, until nobody asks any more.",
)
@click.option(
    "--generate-after",
    "generate_after_seconds",
    metavar="DURATION",
    callback=_duration,
    default=f"{GENERATE_AFTER_SECONDS:g}s",
    show_default=True,
    help="How long a Service is without a ServiceInstance before one is made for its status.",
)
@click.option(
    "--services-per-pod",
    type=click.IntRange(1),
    default=SERVICES_PER_POD,
    show_default=True,
    help="How many services may have one pod as an instance, the oldest ones; the others leave it out.",
)
@click.option(
    "--files-per-namespace",
    type=click.IntRange(1),
    default=FILES_PER_NAMESPACE,
    show_default=True,
    help="How many DiscoveryFiles of a namespace count, the oldest ones; the others aren't written.",
)
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
)
@click.option(
    "--cross-namespace-files",
    is_flag=True,
    help="Let a DiscoveryFile select services of other namespaces (services.namespaces).",
)
@click.option(
    "--publication-gate",
    is_flag=True,
    help="Tell pods with the readiness gate rollcall.dev/published that they are in the answers.",
)
@click.pass_context
def run(
    context: click.Context,
    /,
    dns_listen: str,
    dns_workers: int,
    cookie_secrets: Path | None,
    transfer_listen: str | None,
    http_listen: str,
    state_dir: Path | None,
    leader_elect_lease_duration: float,
    leader_elect_renew_deadline: float,
    leader_elect_retry_period: float,
    lameduck: float,
    kubeconfig: str | None,
    cluster_context: str | None,
    identity: str,
    **options: str | bool | float | LabelSelector | None,
) -> None:
    """Run the operator: watch pods, answer DNS, write files and status.

    Ends at once on Ctrl-C, and after the lameduck time on SIGTERM. It retries for as long as the API server
    can't be reached, and answers from the last known state meanwhile.
    """
    logs.configure(str(options["log_format"]), str(options["log_level"]), "rollcall")
    try:
        lease_times = LeaseTimes(
            leader_elect_lease_duration, leader_elect_renew_deadline, leader_elect_retry_period
        )
    except ValueError as error:
        raise click.UsageError(f"{error}.", context) from error
    from rollcall.disk.runtime_folder import runtime_folder
    from rollcall.kube import CredentialsError
    from rollcall.kube.destination import destination
    from rollcall.model.wording import counted
    from rollcall.processes import raise_descriptor_limit
    from rollcall.serve.cookies import new_secrets, read_secrets, write_secrets
    from rollcall.serve.errors import CookieSecretError, ListenError
    from rollcall.serve.sockets import open_listener, open_sockets

    from .state_folder import default_state_dir, held
    from .supervisor import children, supervise

    try:
        secrets = read_secrets(cookie_secrets) if cookie_secrets else new_secrets()
    except CookieSecretError as error:
        raise click.ClickException(f"{error}.") from error
    try:
        cluster, kube_context = destination(kubeconfig, cluster_context)
    except CredentialsError as error:
        raise click.ClickException(str(error)) from error
    owner = Owner(identity, cluster)
    raise_descriptor_limit()
    option = "--dns-listen"
    try:
        dns = open_sockets(dns_listen, dns_workers)
        option = "--transfer-listen"
        transfer = open_sockets(transfer_listen, 1)[0] if transfer_listen else None
        option = "--http-listen"
        http = open_listener(http_listen)
    except ListenError as error:
        raise click.ClickException(f"{error}. Choose another with {option}.") from error
    state_dir = state_dir or default_state_dir(owner)
    with held(state_dir, owner) as state_lock, ExitStack() as stack:
        try:
            runtime_dir = stack.enter_context(runtime_folder(owner))
        except OSError as error:
            raise click.ClickException(
                f"no folder for sockets can be made: {error}. Choose where with the variable TMPDIR."
            ) from error
        config = Config(
            state_dir=state_dir,
            runtime_dir=runtime_dir,
            kubeconfig=kubeconfig,
            context=kube_context,
            cluster=cluster,
            identity=identity,
            dns_workers=dns_workers,
            transfers=transfer is not None,
            lease_times=lease_times,
            **options,  # type: ignore[arg-type]  # click has checked their types
        )
        log.info("dns on %s, udp and tcp, %s", _address(dns[0][0]), counted(dns_workers, "worker"))
        if transfer is not None:
            log.info("transfers on %s, udp and tcp", _address(transfer[0]))
        log.info("http on %s", _address(http))
        if cookie_secrets is None:
            cookie_secrets = config.cookie_secrets_path
            write_secrets(cookie_secrets, secrets)
        processes = children(config, dns, http, transfer, cookie_secrets, state_lock)
        code = asyncio.run(supervise(*processes, lameduck))
    context.exit(code)


def _address(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
