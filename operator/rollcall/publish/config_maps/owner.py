"""Whether the DiscoveryFile that a ConfigMap was made for is still there, where nobody has seen it go.

One that is deleted while Rollcall is down, with its ConfigMap kept (`kubectl delete --cascade=orphan`) or not
collected yet, would else keep the ConfigMap from everybody for ever.
"""

import re

from rollcall.kube.paths import api_path
from rollcall.model import API_VERSION, Key

from .existing import ConfigMapApi

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


async def is_gone(api: ConfigMapApi, owner: Key) -> bool:
    """Whether the API server says that there is no DiscoveryFile of a name, whatever its spec.

    It is asked for a list, as the account may list and not get them; whatever isn't that list says nothing.
    Raises KubeError.
    """
    if not _NAME.fullmatch(owner.name):
        return False
    path = api_path(API_VERSION, "discoveryfiles", namespace=owner.namespace)
    answer = await api.get(path, {"fieldSelector": f"metadata.name={owner.name}"})
    is_list = isinstance(answer, dict) and answer.get("kind") == "DiscoveryFileList"
    return is_list and answer.get("items") == []
