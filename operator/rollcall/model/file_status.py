"""`status` of a DiscoveryFile."""

import msgspec

from .status import Status


class LeftOutService(msgspec.Struct, frozen=True):
    """A service that a file selects and can't hold."""

    namespace: str
    name: str
    reason: str = ""
    message: str = ""


class FileStatus(Status, frozen=True, rename="camel"):
    """What the ConfigMaps of a file hold; one that is not written yet has a `Status` only."""

    services: int = 0
    instances: int = 0
    bytes: int = 0
    parts: int = 0
    config_maps: tuple[str, ...] = ()
    digest: str = ""
    left_out: tuple[LeftOutService, ...] = ()
    last_change_time: str = ""
