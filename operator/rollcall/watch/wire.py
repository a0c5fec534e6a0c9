"""The API's objects as far as we read them. msgspec skips every other field without building it.

Every field has a default: absent, and in a few places null, is how Go writes a zero. The names are the API's,
in snake case. Nothing here outlives the decoding of one object, so the garbage collector needn't know it.
"""

from typing import Any, Generic, Literal, TypeVar

import msgspec

from rollcall.model import OWNER_ANNOTATION, FileSpec, InstanceSpec, IPFamily, ServicePort, ZoneSpec
from rollcall.model.workload import DRAIN_ANNOTATION, WEIGHT_ANNOTATION

W = TypeVar("W")

EventType = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]


class Annotations(msgspec.Struct, frozen=True, gc=False):
    """Only our own ones: kubectl's last-applied-configuration can be as long as the object."""

    weight: str | None = msgspec.field(default=None, name=WEIGHT_ANNOTATION)
    drain: str | None = msgspec.field(default=None, name=DRAIN_ANNOTATION)


class ObjectMeta(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """`metadata` of any object."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    labels: dict[str, str] = {}
    annotations: Annotations = Annotations()
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None


class WireKind(msgspec.Struct, rename="camel", frozen=True, gc=False, kw_only=True):
    """What every object begins with; a list of a kind that is built in leaves it out of its items."""

    kind: str = ""
    api_version: str = ""


class WirePort(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """A container's port."""

    container_port: int
    name: str = ""
    protocol: str = "TCP"


class WireContainer(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """A container or an init container."""

    ports: tuple[WirePort, ...] = ()
    restart_policy: str = ""


class WireReadinessGate(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """One of `spec.readinessGates`."""

    condition_type: str = ""


class WirePodSpec(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """`spec` of a pod; a bookmark has null for its containers."""

    containers: tuple[WireContainer, ...] | None = None
    init_containers: tuple[WireContainer, ...] = ()
    hostname: str = ""
    subdomain: str = ""
    node_name: str = ""
    readiness_gates: tuple[WireReadinessGate, ...] = ()


class WirePodIP(msgspec.Struct, frozen=True, gc=False):
    """One of `status.podIPs`."""

    ip: str = ""


class WireCondition(msgspec.Struct, frozen=True, gc=False):
    """A condition of a pod."""

    type: str
    status: str
    message: str = ""


class WireContainerStatus(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """How a container does."""

    restart_count: int = 0


class WirePodStatus(msgspec.Struct, frozen=True, gc=False):
    """`status` of a pod."""

    phase: str = "Pending"
    pod_ip: str = msgspec.field(default="", name="podIP")
    pod_ips: tuple[WirePodIP, ...] = msgspec.field(default=(), name="podIPs")
    conditions: tuple[WireCondition, ...] = ()
    containers: tuple[WireContainerStatus, ...] = msgspec.field(default=(), name="containerStatuses")
    init_containers: tuple[WireContainerStatus, ...] = msgspec.field(default=(), name="initContainerStatuses")


class WirePod(WireKind, frozen=True, gc=False):
    """A pod."""

    metadata: ObjectMeta
    spec: WirePodSpec = WirePodSpec()
    status: WirePodStatus = WirePodStatus()


class WorkloadAnnotations(Annotations, frozen=True, gc=False):
    """Those of a Deployment and its ReplicaSets."""

    revision: str = msgspec.field(default="", name="deployment.kubernetes.io/revision")


class WireOwner(msgspec.Struct, frozen=True, gc=False):
    """One of `metadata.ownerReferences`."""

    uid: str = ""
    controller: bool = False


class WorkloadMeta(ObjectMeta, rename="camel", frozen=True, gc=False):
    """`metadata` of what rolls out pods."""

    annotations: WorkloadAnnotations = WorkloadAnnotations()
    owner_references: tuple[WireOwner, ...] = ()


class HelmAnnotations(Annotations, frozen=True, gc=False):
    """Those by which Helm knows what belongs to a release."""

    release_name: str = msgspec.field(default="", name="meta.helm.sh/release-name")
    release_namespace: str = msgspec.field(default="", name="meta.helm.sh/release-namespace")


class WireMetadataFields(msgspec.Struct, frozen=True, gc=False):
    """Which fields of `metadata` somebody has written, as far as we ask."""

    annotations: dict[str, Any] = msgspec.field(default={}, name="f:annotations")
    owner_references: dict[str, Any] = msgspec.field(default={}, name="f:ownerReferences")


class WireFields(msgspec.Struct, frozen=True, gc=False):
    """Which fields somebody has written (FieldsV1)."""

    metadata: WireMetadataFields = msgspec.field(default=WireMetadataFields(), name="f:metadata")


class WireWriter(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """One of `metadata.managedFields`: who has written which fields."""

    manager: str = ""
    operation: str = ""
    subresource: str = ""
    fields: WireFields = msgspec.field(default=WireFields(), name="fieldsV1")


class ServiceMeta(ObjectMeta, rename="camel", frozen=True, gc=False):
    """`metadata` of a Service."""

    annotations: HelmAnnotations = HelmAnnotations()
    managed_fields: tuple[WireWriter, ...] = ()


class WireServiceOwner(msgspec.Struct, frozen=True, gc=False):
    """One of `metadata.ownerReferences` of a ServiceInstance."""

    uid: str = ""
    kind: str = ""


class InstanceMeta(ServiceMeta, rename="camel", frozen=True, gc=False):
    """`metadata` of a ServiceInstance."""

    owner_references: tuple[WireServiceOwner, ...] = ()


class WireTemplate(msgspec.Struct, frozen=True, gc=False):
    """A pod template; null in a Rollout that takes it from a workloadRef."""

    metadata: ObjectMeta | None = None


class WireSelector(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """A label selector, without its expressions."""

    match_labels: dict[str, str] = {}


class WireDeploymentSpec(msgspec.Struct, frozen=True, gc=False):
    """`spec` of a Deployment."""

    template: WireTemplate = WireTemplate()
    selector: WireSelector = WireSelector()


class WireDeployment(WireKind, frozen=True, gc=False):
    """A Deployment."""

    metadata: WorkloadMeta
    spec: WireDeploymentSpec = WireDeploymentSpec()


class WireReplicaSetSpec(msgspec.Struct, frozen=True, gc=False):
    """`spec` of a ReplicaSet. The API server writes the default into it, too."""

    replicas: int = 1


class WireReplicaSetStatus(msgspec.Struct, frozen=True, gc=False):
    """`status` of a ReplicaSet."""

    replicas: int = 0


class WireReplicaSet(WireKind, frozen=True, gc=False):
    """A ReplicaSet."""

    metadata: WorkloadMeta
    spec: WireReplicaSetSpec = WireReplicaSetSpec()
    status: WireReplicaSetStatus = WireReplicaSetStatus()


class WireServiceSpec(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """`spec` of a Service."""

    selector: dict[str, str] | None = None
    type: str = "ClusterIP"
    ports: tuple[ServicePort, ...] = ()
    publish_not_ready_addresses: bool = False
    ip_families: tuple[IPFamily, ...] = ()


class WireService(WireKind, frozen=True, gc=False):
    """A Service."""

    metadata: ServiceMeta
    spec: WireServiceSpec = WireServiceSpec()


class WireInstanceStatus(msgspec.Struct, frozen=True, gc=False):
    """`status` of a ServiceInstance: ours, and read only for what has to be remembered over a restart.

    Undecoded, so that one that another version of Rollcall has written doesn't cost the object its spec.
    """

    release: msgspec.Raw = msgspec.Raw()


class WireServiceInstance(WireKind, frozen=True, gc=False):
    """A ServiceInstance."""

    metadata: InstanceMeta
    spec: InstanceSpec = InstanceSpec()
    status: WireInstanceStatus = WireInstanceStatus()


class ZoneAnnotations(Annotations, frozen=True, gc=False):
    """Those of a DiscoveryZone."""

    owner: str = msgspec.field(default="", name=OWNER_ANNOTATION)


class ZoneMeta(ObjectMeta, rename="camel", frozen=True, gc=False):
    """`metadata` of a DiscoveryZone."""

    annotations: ZoneAnnotations = ZoneAnnotations()


class WireZoneStatus(msgspec.Struct, frozen=True, gc=False):
    """`status` of a DiscoveryZone: ours, and read only for whose it is."""

    owner: str = ""


class WireDiscoveryZone(WireKind, frozen=True, gc=False):
    """A DiscoveryZone."""

    metadata: ZoneMeta
    spec: ZoneSpec
    status: WireZoneStatus = WireZoneStatus()


class WireDiscoveryFile(WireKind, frozen=True, gc=False):
    """A DiscoveryFile."""

    metadata: ObjectMeta
    spec: FileSpec


class WireIdentity(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """The parts of `metadata` that say which object it is."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""


class WireObject(WireKind, frozen=True, gc=False):
    """Any object, when nothing but its name can be read."""

    metadata: WireIdentity


class WireEvent(msgspec.Struct, Generic[W], frozen=True, gc=False):
    """A watch event around an object of a known kind."""

    type: EventType
    object: W


class WireEnvelope(msgspec.Struct, frozen=True, gc=False):
    """A watch event around anything: a bookmark, a Status, an object that doesn't decode."""

    type: EventType
    object: msgspec.Raw


class ListMeta(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """`metadata` of a list; `continue_token` is empty on the last page."""

    resource_version: str = ""
    continue_token: str = msgspec.field(default="", name="continue")
    remaining_item_count: int | None = None


class WireList(WireKind, frozen=True, gc=False):
    """A page of a list, its items still undecoded."""

    metadata: ListMeta
    items: tuple[msgspec.Raw, ...] | None
