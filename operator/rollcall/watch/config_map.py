"""ConfigMaps as we watch those that we have written: which one it is, and at which version."""

import msgspec

from rollcall.model import Key

from .resource import Resource
from .wire import ObjectMeta, WireKind


class ConfigMapVersion(msgspec.Struct, frozen=True):
    """A ConfigMap at one version; what is in it is read where the version is news."""

    key: Key
    uid: str
    resource_version: str


class WireConfigMap(WireKind, frozen=True, gc=False):
    """A ConfigMap in the API, reduced to its `metadata`."""

    metadata: ObjectMeta


def config_map_version(wire: WireConfigMap, key: Key) -> ConfigMapVersion:
    """Read which version of a ConfigMap it is."""
    return ConfigMapVersion(key, wire.metadata.uid, wire.metadata.resource_version)


CONFIG_MAPS = Resource("v1", "configmaps", "ConfigMap", WireConfigMap, config_map_version, reduced=True)
