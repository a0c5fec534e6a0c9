"""Who is on stage: three services with their pods, a zone and two files. Only data.

All addresses are private ones that nobody routes: the pods are objects without a process.
"""

from collections.abc import Iterable
from dataclasses import dataclass

API_VERSION = "rollcall.dev/v1alpha1"
DOMAIN = "demo.example"
ZONE = "rollcall-demo"
HOSTS = "shop-hosts"
UPSTREAMS = "web-upstreams"
VERSION_LABEL = "app.kubernetes.io/version"


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod; `hostname` as a StatefulSet would set it."""

    name: str
    addresses: tuple[str, ...]
    version: str
    hostname: str | None = None

    def __str__(self) -> str:
        return f"{self.name} ({self.ipv4})"

    @property
    def ipv4(self) -> str:
        """The pod's IPv4 address."""
        return self.addresses[0]


@dataclass(frozen=True, slots=True)
class Service:
    """A headless Service and its pods."""

    namespace: str
    name: str
    ports: tuple[tuple[str, int], ...]
    pods: tuple[Pod, ...]

    @property
    def domain_name(self) -> str:
        """The service's name in the zone."""
        return f"{self.name}.{self.namespace}.{DOMAIN}"

    def addresses(self, *, without: Iterable[str] = ()) -> frozenset[str]:
        """Return the IPv4 addresses of the pods, but for the pods with these names."""
        return frozenset(pod.ipv4 for pod in self.pods if pod.name not in without)


@dataclass(frozen=True, slots=True)
class Scene:
    """The three services."""

    web: Service
    api: Service
    db: Service

    @property
    def services(self) -> tuple[Service, ...]:
        """All three."""
        return self.web, self.api, self.db

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces they live in."""
        return self.web.namespace, self.db.namespace

    def zone(self) -> str:
        """Return the DiscoveryZone, as YAML."""
        return f"""\
apiVersion: {API_VERSION}
kind: DiscoveryZone
metadata:
  name: {ZONE}
spec:
  domain: {DOMAIN}
  namespaces: [{", ".join(self.namespaces)}]
"""

    def files(self) -> str:
        """Return the DiscoveryFiles, as YAML."""
        return f"""\
apiVersion: {API_VERSION}
kind: DiscoveryFile
metadata:
  name: hosts
  namespace: {self.web.namespace}
spec:
  format: hosts
  domain: {DOMAIN}
  configMap: {{name: {HOSTS}, key: hosts}}
---
apiVersion: {API_VERSION}
kind: DiscoveryFile
metadata:
  name: upstreams
  namespace: {self.web.namespace}
spec:
  format: nginx
  services: {{names: [{self.web.name}]}}
  port: http
  configMap: {{name: {UPSTREAMS}, key: upstreams.conf}}
"""


def make(prefix: str = "") -> Scene:
    """Set the scene; `prefix` keeps the namespaces apart from what is in a cluster already."""
    shop, data = f"{prefix}shop", f"{prefix}data"
    web = Service(
        shop,
        "web",
        (("http", 8080), ("metrics", 9090)),
        (
            Pod("web-1", ("10.20.1.11",), "v1"),
            Pod("web-2", ("10.20.1.12",), "v1"),
            Pod("web-3", ("10.20.1.13",), "v2"),
        ),
    )
    api = Service(
        shop,
        "api",
        (("grpc", 9000), ("metrics", 9090)),
        tuple(Pod(f"api-{i}", (f"10.20.2.1{i}", f"fd00:20:2::1{i}"), "v7") for i in (1, 2)),
    )
    db = Service(
        data,
        "db",
        (("postgres", 5432),),
        tuple(Pod(f"db-{i}", (f"10.20.3.1{i}",), "17", hostname=f"db-{i}") for i in (0, 1, 2)),
    )
    return Scene(web, api, db)


MORE_WEB = tuple(Pod(f"web-{i}", (f"10.20.1.1{i}",), "v2") for i in (4, 5))
"""The pods that `web` is scaled up by."""
