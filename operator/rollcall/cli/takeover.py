"""`rollcall takeover`: take a service back whose marker at a server no leader can have written."""

import asyncio

import click

from .options import OPERATOR_NAMESPACE, Command, GlobalOptions, with_global_options


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  rollcall takeover internal bind web -n shop         what is there, and what would be done
  rollcall takeover internal bind shop/web            the same
  rollcall takeover internal bind web -n shop --yes   do it
""",
)
@click.argument("zone")
@click.argument("target")
@click.argument("service")
@click.option("--yes", is_flag=True, help="Do it. Without, nothing is changed.")
@click.option(
    "--operator-namespace",
    envvar="POD_NAMESPACE",
    default=OPERATOR_NAMESPACE,
    show_default=True,
    help="Namespace of the Secret with the target's key.",
)
@with_global_options()
def takeover(
    options: GlobalOptions, zone: str, target: str, service: str, yes: bool, operator_namespace: str
) -> None:
    """Take a service back whose marker no leader can have written.

    It is for a DiscoveryZone that says ImplausibleMarker of a TARGET in its spec.updates. It shows the marker
    of the service there; with --yes it deletes that very marker, and the leader takes over within a minute
    what is at its names. If the marker is another one by then, nothing happens. It needs the right to get the
    Secret with the target's key, and a way to the server from here.
    """
    from .status import key_of
    from .takeover_run import take_over

    async def run() -> None:
        await take_over(options, zone, target, await key_of(options, service), operator_namespace, yes=yes)

    asyncio.run(run())
