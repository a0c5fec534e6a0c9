"""What is written of a ServiceInstance's metadata, and that nothing else ever is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.model import HelmRelease, Origin
from rollcall.status.ownership import amendment, disowned_marks, generated, is_amiss, is_left_over
from unit.world import service

Json = dict[str, Any]

WEB = service()
HELMS = service(release=HelmRelease("shop", "prod"), is_applied_by_helm=True)
CLIENT_SIDE = service(release=HelmRelease("shop", "prod"))


def key(uid: str) -> str:
    return f'k:{{"uid":"{uid}"}}'


def made(*others: Json, generation: int = 1, owners: tuple[str, ...] = ()) -> Json:
    """Return the metadata of one that we have made, and that these have written since.

    The `owners` are those that earlier versions have set.
    """
    references = [{"apiVersion": "v1", "kind": "Service", "name": "web", "uid": uid} for uid in owners]
    fields: Json = {"f:metadata": {"f:ownerReferences": {".": {}, **{key(uid): {} for uid in owners}}}}
    ours = {"manager": "rollcall-operator", "operation": "Update", "fieldsV1": fields}
    return {
        "name": "web",
        "namespace": "shop",
        "resourceVersion": "7",
        "generation": generation,
        "ownerReferences": references,
        "managedFields": [ours, *others],
    }


THEIRS = {"manager": "kubectl-patch", "operation": "Update", "fieldsV1": {"f:spec": {"f:ttlSeconds": {}}}}


def test_what_is_right_is_not_written() -> None:
    assert amendment(made(), WEB) is None
    assert amendment(made(), CLIENT_SIDE) is None
    assert amendment(made(), None) is None
    assert amendment(made(THEIRS), WEB) is None
    assert amendment(made(THEIRS), None) is None


@pytest.mark.parametrize("others", [(), (THEIRS,)])
@pytest.mark.parametrize("of", [WEB, None])
def test_an_owner_of_earlier_versions_is_taken_off(others: tuple[Json, ...], of: Any) -> None:
    patch = amendment(made(*others, owners=("uid-web",)), of)
    assert patch == {"metadata": {"resourceVersion": "7", "ownerReferences": None}}


def test_owners_of_others_stay() -> None:
    metadata = made(THEIRS, owners=("uid-web",))
    another = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "uid-deployment"}
    metadata["ownerReferences"].append(another)
    patch = amendment(metadata, WEB)
    assert patch is not None
    assert patch["metadata"]["ownerReferences"] == [another]


def test_marks_follow_the_service_into_a_release() -> None:
    patch = amendment(made(), HELMS)
    assert patch is not None
    assert patch["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "Helm"}
    assert patch["metadata"]["annotations"] == {
        "meta.helm.sh/release-name": "shop",
        "meta.helm.sh/release-namespace": "prod",
    }


def test_marks_are_put_into_nobodys_name() -> None:
    metadata = generated(HELMS)["metadata"]
    fields: Json = {
        "f:labels": {".": {}, "f:app.kubernetes.io/managed-by": {}},
        "f:annotations": {
            ".": {},
            "f:meta.helm.sh/release-name": {},
            "f:meta.helm.sh/release-namespace": {},
        },
        "f:ownerReferences": {".": {}, key("uid-web"): {}},
    }
    ours = {"manager": "rollcall-operator", "operation": "Update", "fieldsV1": {"f:metadata": fields}}
    metadata |= {"resourceVersion": "7", "managedFields": [ours, THEIRS]}
    patch = disowned_marks(metadata)
    assert patch is not None
    left, theirs = patch["metadata"]["managedFields"]
    assert left["fieldsV1"] == {"f:metadata": {"f:ownerReferences": fields["f:ownerReferences"]}}
    assert theirs == THEIRS
    assert disowned_marks(metadata | patch["metadata"]) is None
    assert disowned_marks(made(THEIRS)) is None


@given(
    is_generated=st.booleans(),
    owner=st.sampled_from(["", "uid-web", "uid-old"]),
    release=st.sampled_from([None, HelmRelease("shop", "prod")]),
    of=st.sampled_from([WEB, HELMS, CLIENT_SIDE, None]),
)
def test_nothing_keeps_our_owner_and_what_somebody_has_written_is_never_left_over(
    is_generated: bool, owner: str, release: HelmRelease | None, of: Any
) -> None:
    origin = Origin(is_generated, owner, release)
    if owner:
        assert is_amiss(origin, of)
    elif not is_generated or of is None:
        assert not is_amiss(origin, of)
    assert is_left_over(origin, of) is (is_generated and of is None)


@given(
    st.lists(st.sampled_from(["kubectl-patch", "helm", "rollcall", "flux"]), max_size=3, unique=True),
    st.integers(1, 3),
    st.sampled_from([WEB, HELMS, None]),
    st.lists(st.sampled_from(["uid-web", "uid-old"]), max_size=2, unique=True),
)
def test_one_write_is_enough_and_only_of_metadata(
    managers: list[str], generation: int, of: Any, owners: list[str]
) -> None:
    others = [{**THEIRS, "manager": manager} for manager in managers]
    metadata = made(*others, generation=generation, owners=tuple(owners))
    patch = amendment(metadata, of)
    if patch is None:
        return
    assert patch.keys() == {"metadata"}
    fields = patch["metadata"].keys() - {"resourceVersion"}
    assert fields <= {"ownerReferences", "labels", "annotations"}
    if managers or generation > 1:
        assert fields == {"ownerReferences"}
