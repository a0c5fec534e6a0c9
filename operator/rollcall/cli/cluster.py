"""What the commands read of a cluster."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from rollcall.kube import CredentialsError, KindMissing, NotFound, PageTooLong
from rollcall.kube.client import KubeClient
from rollcall.kube.credentials import Credentials, kubeconfig_path
from rollcall.kube.paging import Paging
from rollcall.kube.paths import api_path
from rollcall.model import API_VERSION, Key

from .objects import FileObject, Metadata, ServiceObject, ZoneObject
from .options import Failed, GlobalOptions, NotThere

PAGE_SIZE = 500

_ACCOUNT_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")

T = TypeVar("T")

_SERVICE = msgspec.json.Decoder(ServiceObject)
_ZONE = msgspec.json.Decoder(ZoneObject)


class _ListMeta(msgspec.Struct, frozen=True):
    continue_token: str = msgspec.field(default="", name="continue")


class _Page(msgspec.Struct, Generic[T], frozen=True):
    items: list[T]
    metadata: _ListMeta = _ListMeta()


class _ServicePort(msgspec.Struct, frozen=True, rename="camel"):
    port: int
    name: str = ""
    protocol: str = "TCP"


class _Ingress(msgspec.Struct, frozen=True):
    ip: str = ""
    hostname: str = ""


class _LoadBalancer(msgspec.Struct, frozen=True):
    ingress: list[_Ingress] = []


class _KubeServiceStatus(msgspec.Struct, frozen=True, rename="camel"):
    load_balancer: _LoadBalancer = _LoadBalancer()


class _KubeServiceSpec(msgspec.Struct, frozen=True, rename={"cluster_ip": "clusterIP"}):
    cluster_ip: str = ""
    ports: list[_ServicePort] = []


class _KubeService(msgspec.Struct, frozen=True):
    metadata: Metadata
    spec: _KubeServiceSpec = _KubeServiceSpec()
    status: _KubeServiceStatus = _KubeServiceStatus()

    def dns_address(self) -> tuple[str, int] | None:
        """Return where DNS is answered: the load balancer's address, else the cluster's own."""
        port = next((port.port for port in self.spec.ports if port.name == "dns"), None)
        addresses = [balancer.ip or balancer.hostname for balancer in self.status.load_balancer.ingress]
        address = next(filter(None, (*addresses, self.spec.cluster_ip)), "None")
        return None if port is None or address == "None" else (address, port)


class Cluster:
    """What is in one cluster. The methods raise a KubeError, or what else they say."""

    def __init__(self, client: KubeClient) -> None:
        self.client = client

    async def services(self, namespace: str | None) -> list[ServiceObject]:
        """List ServiceInstances by namespace and name; None is all namespaces."""
        found = await self._list(
            api_path(API_VERSION, "serviceinstances", namespace=namespace), ServiceObject
        )
        return sorted(found, key=lambda service: service.key)

    async def zones(self) -> list[ZoneObject]:
        """List DiscoveryZones by name."""
        found = await self._list(api_path(API_VERSION, "discoveryzones"), ZoneObject)
        return sorted(found, key=lambda zone: zone.metadata.name)

    async def files(self, namespace: str | None) -> list[FileObject]:
        """List DiscoveryFiles by namespace and name; None is all namespaces."""
        found = await self._list(api_path(API_VERSION, "discoveryfiles", namespace=namespace), FileObject)
        return sorted(found, key=lambda file: file.key)

    async def service(self, key: Key) -> ServiceObject:
        """Read a ServiceInstance.

        Raises:
            NotThere: there is none of this name.
        """
        path = api_path(API_VERSION, "serviceinstances", namespace=key.namespace, name=key.name)
        try:
            return await self.client.get(path, decoder=_SERVICE)
        except KindMissing:
            raise
        except NotFound as error:
            raise NotThere(
                f"there is no ServiceInstance {key}: `rollcall status -A` lists those that there are."
                " Rollcall makes one for each Service with a selector that a zone or a file selects."
            ) from error

    async def zone(self, name: str) -> ZoneObject | None:
        """Read a DiscoveryZone, None where there is none of this name."""
        try:
            return await self.client.get(api_path(API_VERSION, "discoveryzones", name=name), decoder=_ZONE)
        except KindMissing:
            raise
        except NotFound:
            return None

    async def probe(self, namespace: str | None) -> None:
        """Find out whether services can be listed: who waits for changes would wait for ever."""
        path = api_path(API_VERSION, "serviceinstances", namespace=namespace)
        await self.client.list_page(path, {"limit": "1"})

    async def dns_servers(self, namespace: str | None) -> dict[str, tuple[str, int]]:
        """Find the DNS Services of Rollcall, with address and port; None looks in all namespaces."""
        path = api_path("v1", "services", namespace=namespace)
        labels = {"labelSelector": "app.kubernetes.io/name=rollcall"}
        page = await self.client.get(path, labels, decoder=msgspec.json.Decoder(_Page[_KubeService]))
        return {
            f"{service.metadata.namespace}/{service.metadata.name}": address
            for service in page.items
            if (address := service.dns_address()) is not None
        }

    async def _list(self, path: str, kind: type[T]) -> list[T]:
        decoder = msgspec.json.Decoder(_Page[kind])  # type: ignore[valid-type]  # made at run time
        found: list[T] = []
        paging = Paging(PAGE_SIZE)
        token = ""
        while True:
            params = {"limit": str(paging.limit), **({"continue": token} if token else {})}
            try:
                body = await self.client.list_page(path, params)
            except PageTooLong:
                paging.on_too_long()
                continue
            paging.on_page(len(body))
            try:
                page = decoder.decode(body)
            except msgspec.MsgspecError as error:
                raise Failed(
                    f"GET {path}: an object that this version can't read: {error}."
                    " `rollcall check` compares the CRDs."
                ) from error
            found += page.items
            token = page.metadata.continue_token
            if not token:
                return found


@asynccontextmanager
async def connected(options: GlobalOptions) -> AsyncIterator[Cluster]:
    """Connect to the cluster that the options name."""
    async with KubeClient(Credentials(options.kubeconfig, options.context)) as client:
        yield Cluster(client)


async def namespace_of(options: GlobalOptions) -> str:
    """Return the namespace to look in: the one given, else that of the context, as kubectl does."""
    if options.namespace:
        return options.namespace
    return await asyncio.to_thread(_default_namespace, options)


def _default_namespace(options: GlobalOptions) -> str:
    if not (options.kubeconfig or options.context or os.environ.get("KUBECONFIG")):
        try:
            return _ACCOUNT_NAMESPACE.read_text().strip()
        except OSError:
            pass  # not in a pod
    from kubernetes import config

    try:
        contexts, active = config.list_kube_config_contexts(  # type: ignore[no-untyped-call]  # it has no types
            kubeconfig_path(options.kubeconfig)
        )
    except config.ConfigException as error:
        raise CredentialsError(f"{options.kubeconfig or 'the default kubeconfig'}: {error}") from error
    wanted = options.context or active["name"]
    context = next((each["context"] for each in contexts if each["name"] == wanted), None)
    return str(context.get("namespace") or "default") if context else "default"
