"""Who has to go for one more connection."""

from dataclasses import dataclass

import pytest

from rollcall.crowd import Crowd


@dataclass(eq=False)
class Client:
    """A connection, with the time at which it was last of use."""

    name: str
    since: float


def enter(crowd: Crowd[Client], *clients: tuple[str, bytes, float]) -> list[str]:
    """Let clients in; return who had to go, in order."""
    gone = []
    for name, network, since in clients:
        victim = crowd.enter(Client(name, since), network)
        if victim is not None:
            gone.append(victim.name)
    return gone


@pytest.mark.parametrize(
    ("clients", "gone"),
    [
        ([("a", b"x", 1), ("b", b"y", 2), ("c", b"z", 3)], []),
        ([("a", b"x", 3), ("b", b"y", 1), ("c", b"z", 2), ("d", b"u", 4)], ["b"]),  # the idlest of all
        ([("a", b"x", 3), ("b", b"y", 1), ("c", b"x", 2), ("d", b"u", 4)], ["c"]),  # of the largest network
        ([("a", b"x", 1), ("b", b"y", 2), ("c", b"z", 3), ("d", b"x", 4)], ["a"]),  # its own network is it
        ([("a", b"x", 1), ("b", b"x", 1), ("c", b"x", 1), ("d", b"x", 1)], ["a"]),  # the newcomer is last
        ([("a", b"x", 1), *((f"f{n}", b"y", n) for n in range(2, 9))], ["f2", "f3", "f4", "f5", "f6"]),
    ],
)
def test_for_a_newcomer_somebody_goes(clients: list[tuple[str, bytes, float]], gone: list[str]) -> None:
    crowd = Crowd[Client](3)

    assert enter(crowd, *clients) == gone
    assert len(crowd) == 3
    assert {member.name for member in crowd} == {name for name, _, _ in clients} - set(gone)


def test_a_network_that_opens_without_end_shuts_out_itself_alone() -> None:
    crowd = Crowd[Client](512)
    honest = [Client(f"honest {number}", 0.0) for number in range(100)]
    for number, member in enumerate(honest):
        crowd.enter(member, b"honest %d" % (number % 50))
    for number in range(5000):
        crowd.enter(Client("flood", number), b"flood %d" % (number % 24))

    assert set(honest) <= set(crowd)


def test_who_has_left_makes_room() -> None:
    crowd = Crowd[Client](1)
    client = Client("a", 1.0)
    crowd.enter(client, b"x")

    assert crowd.leave(client)
    assert not crowd.leave(client), "it is out already"
    assert crowd.enter(Client("b", 2.0), b"x") is None


def test_slots_are_scarce_from_three_quarters_on() -> None:
    crowd = Crowd[Client](4)
    enter(crowd, ("a", b"x", 1), ("b", b"x", 1))
    assert not crowd.is_dense
    enter(crowd, ("c", b"x", 1))
    assert crowd.is_dense
