"""What the API server lets an account do: roles reach it through a cache, a moment after they are made."""

from collections.abc import Iterable
from typing import NamedTuple

from controlplane import ControlPlane, path
from waiting import eventually


class Right(NamedTuple):
    """A verb on a resource of a group, such as patch, "", pods/status."""

    verb: str
    group: str
    resource: str


def may(plane: ControlPlane, account: str, right: Right, namespace: str = "") -> bool:
    """Whether an account has a right in a namespace, in all of them without one."""
    resource, _, subresource = right.resource.partition("/")
    asked = {"verb": right.verb, "group": right.group, "resource": resource, "subresource": subresource}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": account, "resourceAttributes": asked | {"namespace": namespace}},
    }
    answer = plane.client.create(path("authorization.k8s.io/v1", "subjectaccessreviews"), review)
    return bool(answer["status"]["allowed"])


def wait_granted(plane: ControlPlane, account: str, rights: Iterable[Right], namespace: str) -> None:
    """Wait until an account has what it has been granted."""
    wanted = list(rights)
    eventually(
        lambda: all(may(plane, account, right, namespace) for right in wanted), f"{account} has {wanted}"
    )
