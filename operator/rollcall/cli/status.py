"""`rollcall status`: zones, services and files, and what is left out."""

import asyncio
from typing import TYPE_CHECKING

import click

from .options import Command, GlobalOptions, NotThere, with_global_options

if TYPE_CHECKING:
    from rollcall.model import Key

    from .cluster import Cluster
    from .objects import FileObject, ServiceObject, ZoneObject


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  rollcall status -A                         zones, and services and files of all namespaces
  rollcall status -n shop --zone internal    the services of a namespace in one zone
  rollcall status web -n shop                one service: each instance, and why it is left out
  rollcall status shop/web -o json           the same for programs
""",
)
@click.argument("service", required=False)
@click.option("-A", "--all-namespaces", is_flag=True, help="Services and files of all namespaces.")
@click.option("--zone", help="Only this DiscoveryZone, and what is published in it.")
@with_global_options()
def status(options: GlobalOptions, service: str | None, all_namespaces: bool, zone: str | None) -> None:
    """Show zones, services and files, and what is left out.

    With SERVICE (a name, or NAMESPACE/NAME) that service alone: where it is published, its instances, and
    for each that is not answered the reason.
    """
    if all_namespaces and options.namespace:
        raise click.UsageError("-A and -n exclude each other.")
    if service and (all_namespaces or zone):
        raise click.UsageError("SERVICE excludes -A and --zone: it is one service, in all of its zones.")
    if service:
        asyncio.run(_one(options, service))
    else:
        asyncio.run(_all(options, all_namespaces=all_namespaces, zone=zone))


async def key_of(options: GlobalOptions, service: str) -> "Key":
    """Read NAME or NAMESPACE/NAME."""
    from rollcall.model import Key

    from .cluster import namespace_of

    namespace, _, name = service.rpartition("/")
    if namespace and options.namespace not in (None, namespace):
        raise click.UsageError(f"{service} is not in the namespace {options.namespace} that -n names.")
    if not name or "/" in namespace:
        raise click.UsageError(f"{service!r} is not the name of a service: write web, or shop/web.")
    return Key(namespace or await namespace_of(options), name)


async def _one(options: GlobalOptions, name: str) -> None:
    from .cluster import connected
    from .output import Printer, utc_now, write_json
    from .views import service_json, service_parts

    key = await key_of(options, name)
    async with connected(options) as cluster:
        service = await cluster.service(key)
    if options.json:
        write_json(service_json(service, instances=True))
    else:
        Printer(color=options.color).show(*service_parts(service, utc_now()))


async def _all(options: GlobalOptions, *, all_namespaces: bool, zone: str | None) -> None:
    from .cluster import connected, namespace_of
    from .output import write_json
    from .views import file_json, service_json, zone_json

    namespace = None if all_namespaces else await namespace_of(options)
    async with connected(options) as cluster:
        zones, services, files = await _read(cluster, namespace)
    if zone is not None:
        zones = [each for each in zones if each.metadata.name == zone]
        if not zones:
            raise NotThere(f"there is no DiscoveryZone {zone}: `rollcall status` without --zone lists them.")
        services = [each for each in services if zone in {place.zone for place in each.status.publications}]
        files = []
    if options.json:
        write_json(
            {
                "zones": [zone_json(each) for each in zones],
                "services": [service_json(each, instances=False) for each in services],
                "files": [file_json(each) for each in files],
            }
        )
    else:
        where = f"in the namespace {namespace}; -A shows all" if namespace else "in any namespace"
        _print(options, zones, services, files, where)


async def _read(
    cluster: "Cluster", namespace: str | None
) -> tuple[list["ZoneObject"], list["ServiceObject"], list["FileObject"]]:
    async with asyncio.TaskGroup() as group:
        zones = group.create_task(cluster.zones())
        services = group.create_task(cluster.services(namespace))
        files = group.create_task(cluster.files(namespace))
    return zones.result(), services.result(), files.result()


def _print(
    options: GlobalOptions,
    zones: list["ZoneObject"],
    services: list["ServiceObject"],
    files: list["FileObject"],
    where: str,
) -> None:
    from .output import Printer, line, utc_now
    from .views import files_table, join, problems, services_table, zones_table

    now = utc_now()
    no_zones = (
        "No DiscoveryZone: nothing is published in DNS. Make one: manifests/examples/zone.yaml shows how."
    )
    parts = [
        [zones_table(zones)] if zones else [line(no_zones)],
        [services_table(services, now)] if services else [line(f"No services {where}.")],
        [files_table(files, now)] if files else [],
        problems(zones, services, files),
    ]
    Printer(color=options.color).show(*join([part for part in parts if part]))
