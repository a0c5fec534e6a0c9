"""Whether the DiscoveryFile that a ConfigMap was made for is still there, where nobody has seen it go.

One that is deleted while Rollcall is down, with its ConfigMap kept (`kubectl delete --cascade=orphan`) or not
collected yet, would else keep the ConfigMap from everybody for ever.
"""

import re

from rollcall.kube.errors import BadAnswer
from rollcall.model import Key
from rollcall.watch.resource import DISCOVERY_FILES

from .existing import ConfigMapApi

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


async def is_gone(api: ConfigMapApi, owner: Key) -> bool:
    """Whether the API server says that there is no DiscoveryFile of a name, whatever its spec.

    It is asked for a list, as the account may list and not get them; whatever isn't that list says nothing.
    Raises KubeError.
    """
    if not _NAME.fullmatch(owner.name):
        return False
    path = DISCOVERY_FILES.path(owner.namespace)
    body = await api.list_page(path, {"fieldSelector": f"metadata.name={owner.name}"})
    try:
        return not DISCOVERY_FILES.read_page(body).items
    except BadAnswer:
        return False
