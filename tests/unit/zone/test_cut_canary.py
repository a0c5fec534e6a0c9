"""SRV sets of a canary release that are too large for an answer: each side keeps its share."""

from collections.abc import Mapping

import dns.rdata
import msgspec
from hypothesis import given
from hypothesis import strategies as st

from rollcall.dnswire.rdata import srv
from rollcall.dnswire.types import Type
from rollcall.model import Answer, Canary, Key, Pod, Release
from rollcall.model.weights import divide
from rollcall.zone import Commit
from rollcall.zone.changes import MAX_ANSWER, ZoneDelta, all_up_to
from rollcall.zone.content import Record, ZoneContent
from rollcall.zone.exported import ExportedZone
from unit.serve.samples import Client, answers, name, values
from unit.world import World, pod, resource, service, zone

APEX = "example.com."
PORT = "_http._tcp.web.shop.example.com."


class Observers:
    """A server of ours and one that is written to, which follow a zone from its beginning."""

    def __init__(self) -> None:
        self._answers = answers()
        self._client = Client(self._answers, tcp=True)
        self._elsewhere = ExportedZone(name(APEX))

    def advance(self, delta: ZoneDelta) -> None:
        self._answers.apply_delta(delta)
        self._elsewhere.advance(delta)

    def answered(self, owner: str = PORT) -> dict[str, int]:
        """Return the weights that our server tells, by target."""
        return _weights(values(self._client.ask(owner, "SRV")))

    def elsewhere(self, owner: str = PORT) -> dict[str, int]:
        """Return the weights that other servers are told, by target."""
        rrset = self._elsewhere.rrsets[name(owner), Type.SRV]
        return _weights([dns.rdata.from_wire("IN", "SRV", d, 0, len(d)).to_text() for d in rrset.records])


def _weights(records: list[str]) -> dict[str, int]:
    fields = [record.split() for record in records]
    return {target: int(weight) for _, weight, _, target in fields}


def share(told: Mapping[str, int], canaries: set[str]) -> float:
    """Return the share of the canary's side, in percent."""
    return 100 * sum(told[target] for target in canaries & told.keys()) / sum(told.values())


class Canaries(World):
    """A service with a canary, and who observes it."""

    def __init__(self, stable: int, canary: int, most: int = MAX_ANSWER) -> None:
        self.observers = Observers()
        self.on_trial = {f"10-0-2-{number}.web.shop.example.com." for number in range(1, canary + 1)}
        self.pods = side("v1", stable, 1) + side("v2", canary, 2)
        release = Release(canary=Canary("v1", "v2", weight=10))
        super().__init__(zone(), service(), resource(release=release, answer=Answer(max=most)), *self.pods)

    def commit(self, backlog: int | None = None) -> Commit:
        commit = super().commit(backlog)
        for delta in commit.deltas:
            self.observers.advance(delta)
        return commit


def side(version: str, count: int, block: int) -> list[Pod]:
    labels = {"app": "web", "version": version}
    return [pod(f"{version}-{n}", f"10.0.{block}.{n}", labels=labels) for n in range(1, count + 1)]


def test_a_canary_of_two_pods_has_its_tenth_of_a_set_that_is_cut() -> None:
    """Of 198 and 2 pods the 64 records of smallest hash hold none of the two."""
    world = Canaries(198, 2)
    told = world.observers.answered()
    assert len(told) == 64
    assert told.keys() & world.on_trial
    assert abs(share(told, world.on_trial) - 10) < 0.1
    assert world.observers.elsewhere() == told
    assert len({weight for target, weight in told.items() if target not in world.on_trial}) == 1


def test_a_set_that_is_answered_whole_is_cut_elsewhere_with_the_same_shares() -> None:
    world = Canaries(198, 2, most=1000)
    told, elsewhere = world.observers.answered(), world.observers.elsewhere()
    assert (len(told), len(elsewhere)) == (200, 64)
    for each in (told, elsewhere):
        assert abs(share(each, world.on_trial) - 10) < 0.1


def test_a_pod_that_is_not_told_of_changes_nothing_by_going() -> None:
    world = Canaries(198, 2)
    before = world.observers.answered()
    number = next(n for n in range(1, 199) if f"10-0-1-{n}.web.shop.example.com." not in before)
    world.put(msgspec.structs.replace(world.pods[number - 1], ready=False))
    assert world.observers.answered() == world.observers.elsewhere() == before


def test_the_end_of_a_release_ends_the_sides() -> None:
    """What is told afterwards is what a server tells that has never seen them."""
    world = Canaries(198, 2)
    world.put(resource(release=Release(), generation=2))
    fresh = Observers()
    for delta in world.zones.full_deltas():
        fresh.advance(delta)
    told = world.observers.answered()
    assert told == world.observers.elsewhere() == fresh.answered() == fresh.elsewhere()
    assert len(told) == 64


OWNS = st.lists(st.integers(1, 1000), min_size=1, max_size=4)


@given(st.integers(1, 150), st.integers(1, 150), OWNS, st.integers(1, 99), st.integers(2, 200), st.data())
def test_both_sides_are_told_with_their_shares(
    stable: int, canary: int, owns: list[int], percent: int, most: int, data: st.DataObject
) -> None:
    """And a record that goes is followed by one other at most."""
    keys = [
        [Key("shop", f"{each}{number}") for number in range(size)]
        for each, size in (("s", stable), ("c", canary))
    ]
    own = [{key: owns[number % len(owns)] for number, key in enumerate(side)} for side in keys]
    weights = divide(own[0], own[1], percent)
    canaries = {f"{key.name}.example.com." for key in keys[1]}
    records = {
        key: Record(
            name(PORT),
            Type.SRV,
            srv(weight, 80, name(f"{key.name}.example.com.")),
            weight,
            canary=key in own[1],
        )
        for key, weight in weights.items()
    }
    content = ZoneContent(name(APEX))
    for record in records.values():
        content.add(record, 5, all_up_to(most))
    observers = Observers()
    advance(content, observers, 1)
    told = observers.answered()
    told_elsewhere = observers.elsewhere()
    assert (len(told), len(told_elsewhere)) == (min(len(weights), most), min(len(weights), MAX_ANSWER))
    total = sum(weights.values())
    asked = 100 * sum(weights[key] for key in keys[1]) / total
    for each in (told, told_elsewhere):
        assert canaries & each.keys()
        assert each.keys() - canaries
        assert abs(share(each, canaries) - asked) < 1
    if most == MAX_ANSWER:
        assert told == told_elsewhere

    gone = data.draw(st.sampled_from(sorted(records)))
    content.remove(records[gone])
    advance(content, observers, 2)
    assert len(told.keys() - observers.answered().keys()) <= 2
    assert len(told_elsewhere.keys() - observers.elsewhere().keys()) <= 2


def advance(content: ZoneContent, observers: Observers, serial: int) -> None:
    content.set_soa(name(APEX), name(APEX), 5)
    delta = content.commit(serial)
    assert delta is not None
    observers.advance(delta)
