"""Whose is what: one installation, at one API server, with an authority in common."""

import pytest

from rollcall.model.owner import ClusterName, Owner

HERE = ClusterName("https://10.96.0.1:443", ("old",))


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        (HERE, True),
        (ClusterName(HERE.server, ("old", "new")), True),
        (ClusterName(HERE.server, ("new",)), False),
        (ClusterName(HERE.server), False),
        (ClusterName("https://10.96.0.1:6443", ("old",)), False),
    ],
    ids=["the same", "while certificates are rotated", "another authority", "none", "another server"],
)
def test_a_cluster_is_its_server_and_an_authority(other: ClusterName, is_same: bool) -> None:
    assert HERE.is_same(other) is is_same
    assert other.is_same(HERE) is is_same
    assert Owner("rollcall", HERE).is_same(Owner("rollcall", other)) is is_same


def test_without_authorities_the_server_counts() -> None:
    assert ClusterName("http://127.0.0.1:8001").is_same(ClusterName("http://127.0.0.1:8001"))


def test_an_owner_has_an_identity_too() -> None:
    assert not Owner("rollcall", HERE).is_same(Owner("another", HERE))


def test_it_is_one_word_of_a_command_line() -> None:
    owner = Owner("rollcall", HERE)
    assert Owner.decode(owner.encode()) == owner
