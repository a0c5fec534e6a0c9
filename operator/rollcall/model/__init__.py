"""The words of the design as types. No I/O, no clock, no logging: every other layer imports this one."""

from .instance import Counts, Instance, InstancePort, Members, Problem, Reason
from .keys import Key
from .resources import (
    Answer,
    ConfigMapTarget,
    DiscoveryFile,
    DiscoveryZone,
    Eligibility,
    FileServices,
    FileSpec,
    Format,
    InstanceNames,
    InstanceSpec,
    NameServer,
    Naming,
    Policy,
    ServiceInstance,
    ZoneSpec,
)
from .selector import LabelSelector, Operator, Requirement
from .version import version_to_label
from .workload import ContainerPort, Pod, Service, ServicePort

__all__ = [
    "Answer",
    "ConfigMapTarget",
    "ContainerPort",
    "Counts",
    "DiscoveryFile",
    "DiscoveryZone",
    "Eligibility",
    "FileServices",
    "FileSpec",
    "Format",
    "Instance",
    "InstanceNames",
    "InstancePort",
    "InstanceSpec",
    "Key",
    "LabelSelector",
    "Members",
    "NameServer",
    "Naming",
    "Operator",
    "Pod",
    "Policy",
    "Problem",
    "Reason",
    "Requirement",
    "Service",
    "ServiceInstance",
    "ServicePort",
    "ZoneSpec",
    "version_to_label",
]
