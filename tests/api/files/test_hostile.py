"""What the tests of files take for the most hostile objects are such that an API server lets them in."""

import pytest

from controlplane import ControlPlane, path
from controlplane.client import Json
from hostile import pods, services


@pytest.mark.parametrize("body", [*services(), *pods()], ids=lambda body: body["metadata"]["name"][:20])
def test_an_api_server_lets_it_in(cluster: ControlPlane, namespace: str, body: Json) -> None:
    there = body | {"metadata": body["metadata"] | {"namespace": namespace}}
    collection = path("v1", f"{body['kind'].lower()}s", namespace)
    query = {"dryRun": "All", "fieldValidation": "Strict"}
    made = cluster.client.request("POST", collection, there, query=query)
    assert made["metadata"]["annotations"] == body["metadata"]["annotations"]
