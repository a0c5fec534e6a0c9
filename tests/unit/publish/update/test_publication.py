"""Whatever changes, gets lost or is refused: the server ends with what is wanted, others' names untouched.

The publication is driven as the writer drives it, against a model of a server.
"""

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcall.dnswire.header import Rcode
from rollcall.dnswire.types import Type
from rollcall.model import UpdateTarget
from rollcall.publish.update.message import MAX_RECORDS, compose
from rollcall.publish.update.obstacles import Obstacle
from rollcall.publish.update.publication import Fate, Publication
from rollcall.publish.update.reading import Reading
from rollcall.publish.update.rejections import FIRST_RETRY_SECONDS
from rollcall.zone.exported import ExportedRRset, RRsetKey
from rollcall.zone.marker import (
    HIGHEST_EPOCH,
    Generation,
    Marker,
    is_marker_name,
    marker_name,
    parse,
    root_of_marker,
)
from rollcall.zone.names import from_text
from thorough import examples
from unit.publish.update.model_server import ModelServer
from updates.source import IDENTITY, Source, label, many

RRsets = dict[RRsetKey, ExportedRRset]

SERVICES = [f"s{number}.shop" for number in range(4)]
FOREIGN = ExportedRRset(300, (b"\xc6\x33\x64\x01",))


class Driver:
    """A writer without a network: `lost` says what becomes of the next messages."""

    def __init__(
        self,
        source: Source,
        server: ModelServer,
        epoch: int = 1,
        adopt: bool = False,
        *,
        transfers: bool = True,
    ) -> None:
        self.epoch = epoch
        self.sent = 0
        self.largest = 0
        self.source = source
        self.server = server
        spec = UpdateTarget("target", "192.0.2.1", "secret", adopt=adopt)
        self.clock = 0.0
        self.publication = Publication(
            source.published, spec, IDENTITY, lambda: self.epoch, lambda: self.clock
        )
        for _ in self.publication.build():
            pass
        source.listeners.append(self.publication.on_version)
        self.transfers = transfers
        self.learn()

    def learn(self) -> None:
        if not self.transfers:
            self.learn_names()
            return
        since = self.publication.begin_reading()
        for _ in self.publication.learn_zone(self.server.state(IDENTITY), since):
            pass
        self.publication.end_reading(since, self.server.serial)

    def turn(self, now: float, *, request_lost: bool = False, answer_lost: bool = False) -> bool:
        """Send a message, if there is one."""
        publication = self.publication
        knowledge, worklist = publication.knowledge, publication.worklist
        for root in publication.unresolved():
            fate = publication.resolve(root, self.reading(root))
            if fate is Fate.CONFLICT:
                self.read(root)
        if knowledge.highest_epoch > self.epoch or knowledge.is_challenged:
            self.epoch = max(self.epoch, knowledge.highest_epoch + 1)
            knowledge.end_challenge()
        draft = worklist.draft(publication.serial, now)
        if draft is None:
            return False
        self.sent += 1
        self.largest = max(self.largest, draft.record_count)
        wire = compose(self.sent, self.source.apex, draft.parts)
        assert len(wire) <= 48 * 1024
        with publication.under_way(draft):
            rcode = None if request_lost else self.server.update(wire)
            if rcode is None or answer_lost:
                publication.on_unknown(draft)
            elif rcode == Rcode.NOERROR:
                publication.on_applied(draft)
            elif rcode == Rcode.REFUSED:
                publication.on_refused(draft, rcode)
            else:
                guarded = [guard.owner for part in draft.parts for guard in part.guards]
                reading = self.reading(*(part.root for part in draft.parts), owners=guarded)
                found = publication.on_conflict(draft, reading)
                assert found, "a prerequisite fails for a reason"
                for root in found:
                    self.read(root)
        return True

    def read(self, root: bytes) -> None:
        self.publication.learn_unit(root, self.reading(root, owners=self.publication.names_of(root)))

    def reading(self, *roots: bytes, owners: Iterable[bytes] = ()) -> Reading:
        """Read the markers of units, and further names."""
        return self.server.reading([*map(marker_name, roots), *owners])

    def learn_names(self) -> None:
        """Read all names that are known, from a server that serves no transfer."""
        publication = self.publication
        since = publication.begin_reading()
        roots = publication.roots()
        above = publication.names_above(roots, from_text("example.com"))
        publication.learn_cuts(self.server.cuts(above))
        for root in roots:
            publication.learn_unit(root, self.reading(root, owners=publication.names_of(root)), since)
        publication.complete_by_names(since)
        publication.end_reading(since, self.server.serial)

    def drain(self, now: float = 1000.0) -> None:
        """Send all that there is to send."""
        for _ in range(200):
            if not self.turn(now):
                return
        raise AssertionError("it never ends")


def wanted(source: Source) -> RRsets:
    """Return what has to be at the server, markers and apex left out."""
    rrsets = source.published.rrsets
    return {
        key: rrset for key, rrset in rrsets.items() if key[0] != source.apex and not is_marker_name(key[0])
    }


def markers(rrsets: Iterable[RRsetKey]) -> set[bytes]:
    return {owner for owner, _ in rrsets if is_marker_name(owner)}


def without_markers(server: ModelServer) -> RRsets:
    return {key: rrset for key, rrset in server.rrsets.items() if not is_marker_name(key[0])}


steps = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.sampled_from(SERVICES), st.integers(0, 5)),
        st.tuples(st.just("remove"), st.sampled_from(SERVICES), st.just(0)),
        st.tuples(st.sampled_from(["send", "request lost", "answer lost", "learn"]), st.just(""), st.just(0)),
        st.tuples(st.just("damage"), st.just(""), st.integers(0, 30)),
        st.tuples(st.just("restart"), st.just(""), st.just(0)),
    ),
    max_size=30,
)


@settings(max_examples=examples(300))
@given(steps)
def test_it_always_ends_right(plan: list[tuple[str, str, int]]) -> None:
    source, server = Source(), ModelServer()
    foreign: dict[RRsetKey, ExportedRRset] = {(label("printer") + source.apex, Type.A): FOREIGN}
    server.rrsets.update(foreign)
    driver = Driver(source, server)
    highest: dict[bytes, tuple[int, int]] = {}
    for what, service, number in plan:
        if what == "set":
            source.service(service, many(number))
        elif what == "remove":
            source.remove(service)
        elif what == "damage":
            ours = sorted(key for key in server.rrsets if key not in foreign and not is_marker_name(key[0]))
            if ours:
                del server.rrsets[ours[number % len(ours)]]
        elif what == "learn":
            driver.learn()
        elif what == "restart":
            source.listeners.clear()
            driver = Driver(source, server, driver.epoch + 1)
        else:
            driver.turn(1000.0, request_lost=what == "request lost", answer_lost=what == "answer lost")
        for (owner, _), rrset in server.rrsets.items():
            if is_marker_name(owner):
                found = parse(rrset.records[0])
                assert found is not None
                assert found.generation >= highest.get(owner, (0, 0)), "generations never go back"
                highest[owner] = found.generation
    driver.drain()
    driver.learn()
    driver.drain(1001.0)
    driver.drain(5000.0)  # what was found and not wanted is dead by now
    assert without_markers(server) == {**wanted(source), **foreign}
    assert markers(server.rrsets) == markers(source.published.rrsets)
    sent = driver.sent
    driver.learn()
    driver.drain(6000.0)
    assert driver.sent == sent, "nothing is sent where nothing differs"


@settings(max_examples=examples(150))
@given(
    st.lists(st.tuples(st.integers(0, 1), st.sampled_from(SERVICES), st.integers(0, 5)), max_size=20),
    st.data(),
)
def test_two_writers_never_mix(changes: list[tuple[int, str, int]], data: st.DataObject) -> None:
    """Each write is based on what is there; the one who writes last has its view there."""
    server = ModelServer()
    sources = [Source(), Source(serial=2_000_000)]
    writers = [Driver(source, server, epoch) for epoch, source in enumerate(sources, 1)]
    for writer, service, number in changes:
        sources[writer].service(service, many(number))
        if data.draw(st.booleans()):
            writers[data.draw(st.integers(0, 1))].turn(1000.0)
    for _ in range(3):
        writers[1].drain()
        writers[1].learn()
    names = set(map(root_of_marker, markers(sources[1].published.rrsets)))
    found = {
        key: rrset
        for key, rrset in without_markers(server).items()
        if any(key[0].endswith(root) for root in names)
    }
    assert found == wanted(sources[1])


def test_a_refused_name_is_left_out_and_tried_again() -> None:
    source, server = Source(), ModelServer()
    source.services({service: many(3) for service in SERVICES})
    bad = source.root("s2.shop"), Type.A
    server.refused.add(bad)
    driver = Driver(source, server)
    driver.drain()
    assert {key for key in wanted(source) if key not in server.rrsets} == {bad}
    assert driver.publication.worklist.rejected == {Rcode.REFUSED: [bad[0]]}
    server.refused.clear()
    driver.clock += FIRST_RETRY_SECONDS
    driver.drain()
    assert without_markers(server) == wanted(source)
    assert not driver.publication.worklist.rejected


def test_a_name_of_others_is_not_written() -> None:
    source, server = Source(), ModelServer()
    taken = source.root("s1.shop"), Type.A
    server.rrsets[taken] = FOREIGN
    source.services({service: many(3) for service in SERVICES})
    driver = Driver(source, server)
    driver.drain()
    assert server.rrsets[taken] == FOREIGN
    assert driver.publication.worklist.obstacles == [Obstacle((taken[0],), is_whole=True)]
    assert marker_name(taken[0]) not in {owner for owner, _ in server.rrsets}
    del server.rrsets[taken]
    driver.learn()
    driver.drain()
    assert without_markers(server) == wanted(source)


def test_names_that_are_as_wanted_are_taken_in() -> None:
    """The markers were lost, and nobody remembers: what is there is what we would write."""
    source, server = Source(), ModelServer()
    source.service("s1.shop", many(3))
    Driver(source, server).drain()
    del server.rrsets[marker_name(source.root("s1.shop")), Type.TXT]
    source.listeners.clear()
    driver = Driver(source, server)
    driver.drain()
    assert not driver.publication.worklist.obstacles
    assert (marker_name(source.root("s1.shop")), Type.TXT) in server.rrsets


@settings(max_examples=examples(100))
@given(
    st.lists(
        st.sampled_from(["unmark", "change", "send", "answer lost", "request lost", "learn"]), max_size=5
    ),
    st.sampled_from(["", "answer lost", "request lost"]),
    st.booleans(),
    st.booleans(),
)
def test_a_service_goes_whoever_deletes_its_marker(
    before: list[str], last: str, is_unmarked: bool, transfers: bool
) -> None:
    """Others delete markers before it goes, and on its way out; what they put there meanwhile stays."""
    source, server = Source(), ModelServer()
    source.services({"s1.shop": many(3), "s2.shop": many(2)})
    driver = Driver(source, server, transfers=transfers)
    driver.drain()
    root = source.root("s1.shop")
    theirs = label("theirs") + root
    for number, what in enumerate(before):
        if what == "unmark":
            server.replace(marker_name(root), Type.TXT, None)
        elif what == "change":
            source.service("s1.shop", many(1 + number))
        elif what == "learn":
            driver.learn()
        else:
            driver.turn(1000.0, request_lost=what == "request lost", answer_lost=what == "answer lost")
    driver.drain()
    server.replace(theirs, Type.TXT, FOREIGN)
    if is_unmarked:
        server.replace(marker_name(root), Type.TXT, None)
    source.remove("s1.shop")
    if last:
        driver.turn(1000.0, request_lost=last == "request lost", answer_lost=last == "answer lost")
    if not is_unmarked:
        server.replace(marker_name(root), Type.TXT, None)
    driver.drain()
    driver.learn()  # where it isn't sure of all names
    driver.drain()
    assert without_markers(server) == {**wanted(source), (theirs, Type.TXT): FOREIGN}
    assert not driver.publication.worklist._withdrawn


MOST = 10**18 - 1
"""All that a marker has digits for."""


def plant(source: Source, server: ModelServer, service: str, generation: Generation) -> None:
    """Let others put a marker of ours there."""
    root = source.root(service)
    data = Marker(IDENTITY, "k8s.example.com", "shop/s1", generation).data()
    server.replace(marker_name(root), Type.TXT, ExportedRRset(5, (data,)))


def generation_at(server: ModelServer, root: bytes) -> Generation:
    found = parse(server.rrsets[marker_name(root), Type.TXT].records[0])
    assert found is not None
    return found.generation


@pytest.mark.parametrize("epoch", [MOST, 2**31 - 1, HIGHEST_EPOCH + 1])
@pytest.mark.parametrize("is_read", [True, False], ids=["by-a-reading", "by-a-conflict"])
@pytest.mark.parametrize("transfers", [True, False])
def test_a_marker_that_no_leader_wrote_stops_its_unit_alone(
    epoch: int, is_read: bool, transfers: bool
) -> None:
    source, server = Source(), ModelServer()
    source.services({"s1.shop": many(3), "s2.shop": many(3)})
    driver = Driver(source, server, transfers=transfers)
    driver.drain()
    root = source.root("s1.shop")
    before = server.at(root)
    plant(source, server, "s1.shop", Generation(epoch, MOST))
    if is_read:
        driver.learn()
    source.services({"s1.shop": many(4), "s2.shop": many(4)})
    driver.drain()
    assert driver.epoch == 1
    assert driver.publication.worklist.obstacles == [Obstacle((root,), epoch=epoch, is_whole=True)]
    assert server.at(root) == before
    other = source.root("s2.shop"), Type.A
    assert server.rrsets[other] == wanted(source)[other]
    server.replace(marker_name(root), Type.TXT, None)
    driver.learn()
    driver.drain()
    assert without_markers(server) == wanted(source)
    assert not driver.publication.worklist.obstacles
    assert generation_at(server, root) == (1, source.serial)


def test_what_no_leader_marked_is_not_deleted_until_the_marker_is() -> None:
    source, server = Source(), ModelServer()
    source.services({"s1.shop": many(3), "s2.shop": many(3)})
    driver = Driver(source, server)
    driver.drain()
    plant(source, server, "s1.shop", Generation(MOST, MOST))
    source.remove("s1.shop")
    driver.drain()
    driver.learn()
    driver.drain(5000.0)
    assert (source.root("s1.shop"), Type.A) in server.rrsets
    server.replace(marker_name(source.root("s1.shop")), Type.TXT, None)
    driver.learn()
    driver.drain(5000.0)
    assert without_markers(server) == wanted(source)


@pytest.mark.parametrize("is_known", [True, False], ids=["running", "started-anew"])
@pytest.mark.parametrize("is_read_before", [True, False], ids=["read-before", "read-after"])
def test_what_no_leader_marked_is_said_also_of_a_service_that_is_gone(
    is_known: bool, is_read_before: bool
) -> None:
    source, server = Source(), ModelServer()
    source.services({"s1.shop": many(3), "s2.shop": many(3)})
    driver = Driver(source, server)
    driver.drain()
    root = source.root("s1.shop")
    plant(source, server, "s1.shop", Generation(MOST, MOST))
    if is_read_before:
        driver.learn()
    source.remove("s1.shop")
    if not is_known:
        source.listeners.clear()
        driver = Driver(source, server)
    driver.drain()
    if not is_read_before:
        driver.learn()
        driver.drain(5000.0)
    assert driver.publication.worklist.obstacles == [Obstacle((root,), epoch=MOST, is_whole=True)]
    assert (root, Type.A) in server.rrsets
    server.replace(marker_name(root), Type.TXT, None)
    driver.learn()
    driver.drain(5000.0)
    assert not driver.publication.worklist.obstacles


@pytest.mark.parametrize("epoch", [0, 1, 5, HIGHEST_EPOCH])
@pytest.mark.parametrize("is_known", [True, False], ids=["running", "started-anew"])
def test_a_version_is_in_nobody_s_way_however_high(epoch: int, is_known: bool) -> None:
    source, server = Source(), ModelServer()
    source.service("s1.shop", many(3))
    driver = Driver(source, server)
    driver.drain()
    root = source.root("s1.shop")
    plant(source, server, "s1.shop", Generation(epoch, MOST))
    if not is_known:
        source.listeners.clear()
        driver = Driver(source, server)
    for count in (4, 5):
        source.service("s1.shop", many(count))
        driver.drain()
        driver.learn()
        driver.drain()
    assert without_markers(server) == wanted(source)
    assert max(1, epoch) <= generation_at(server, root).epoch <= epoch + 2
    assert generation_at(server, root).version <= source.serial + 1
    assert not driver.publication.worklist.obstacles


def test_live_changes_overtake_a_flood() -> None:
    source, server = Source(), ModelServer()
    source.services({f"s{number}.shop": many(20) for number in range(300)})
    driver = Driver(source, server)
    driver.turn(1000.0)
    source.service("flip.shop", many(2))
    driver.turn(1000.0)
    assert (source.root("flip.shop"), Type.A) in server.rrsets
    assert (source.root("s299.shop"), Type.A) not in server.rrsets
    driver.drain()
    assert driver.largest <= MAX_RECORDS
    assert without_markers(server) == wanted(source)


def test_a_unit_of_5000_instances_goes_in_several_messages() -> None:
    source, server = Source(), ModelServer()
    source.service("huge.shop", many(5000))
    driver = Driver(source, server)
    driver.turn(1000.0)
    assert (source.root("huge.shop"), Type.A) in server.rrsets
    driver.drain()
    assert driver.sent > 4
    assert without_markers(server) == wanted(source)
    source.service("huge.shop", many(5000)[1:])
    sent = driver.sent
    driver.drain()
    assert driver.sent == sent + 1
    assert without_markers(server) == wanted(source)


CNAME = ExportedRRset(300, (from_text("www.example.net"),))
NS = ExportedRRset(300, (from_text("ns.example.net"),))

disturbances = st.tuples(
    st.sampled_from([Type.NS, Type.CNAME, Type.DNAME]),
    st.sampled_from(["shop", "s1.shop", "_tcp.s1.shop", "10-0-0-1.s1.shop", "_rollcall.s1.shop", "s2.shop"]),
    st.booleans(),
).filter(lambda it: it[:2] != (Type.CNAME, "_rollcall.s1.shop"))  # that would delete a marker of ours as well


@settings(max_examples=examples(300))
@given(
    st.lists(
        st.one_of(
            disturbances,
            st.tuples(st.just("set"), st.sampled_from(SERVICES), st.integers(0, 3)),
            st.tuples(st.just("remove"), st.sampled_from(SERVICES), st.just(0)),
            st.tuples(
                st.sampled_from(["send", "answer lost", "request lost", "learn"]), st.just(""), st.just(0)
            ),
        ),
        max_size=30,
    ),
    st.booleans(),
)
def test_what_others_put_in_the_way_ends_with_them(
    plan: list[tuple[object, str, int]], transfers: bool
) -> None:
    """Whatever hides names of ours or takes them, and whenever it comes and goes: it is never touched."""
    source, server = Source(), ModelServer()
    driver = Driver(source, server, transfers=transfers)
    theirs: dict[RRsetKey, ExportedRRset] = {}
    for what, where, number in plan:
        owner = source.root(where) if where else b""
        if isinstance(what, Type):
            put = CNAME if what == Type.CNAME else NS
            if number:
                for key in [key for key in theirs if key[0] == owner and Type.CNAME in (what, key[1])]:
                    del theirs[key]
                theirs[owner, what] = put
            else:
                theirs.pop((owner, what), None)
            server.replace(owner, what, put if number else None)
        elif what == "set":
            source.service(where, many(number))
        elif what == "remove":
            source.remove(where)
        elif what == "learn":
            driver.learn()
        else:
            driver.turn(1000.0, request_lost=what == "request lost", answer_lost=what == "answer lost")
        assert {key: server.rrsets.get(key) for key in theirs} == theirs
    for owner, rdtype in theirs:
        server.replace(owner, rdtype, None)
    driver.drain()
    for now in (1000.0, 2000.0, 5000.0):
        driver.learn()
        driver.drain(now)
    assert without_markers(server) == wanted(source)
    assert markers(server.rrsets) == markers(source.published.rrsets)
    assert not driver.publication.worklist.obstacles


@pytest.mark.parametrize("transfers", [True, False])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_cname_takes_its_name_whoever_came_first(is_first: bool, transfers: bool) -> None:
    source, server = Source(), ModelServer()
    root = source.root("s1.shop")
    if is_first:
        server.replace(root, Type.CNAME, CNAME)
    source.service("s1.shop", many(3))
    driver = Driver(source, server, transfers=transfers)
    driver.drain()
    server.replace(root, Type.CNAME, CNAME)
    driver.learn()
    source.service("s1.shop", many(2))
    driver.drain()
    assert driver.publication.worklist.obstacles == [Obstacle((root,))]
    expected = {key: rrset for key, rrset in wanted(source).items() if key[0] != root}
    assert without_markers(server) == {**expected, (root, Type.CNAME): CNAME}


@pytest.mark.parametrize("transfers", [True, False])
@pytest.mark.parametrize("is_first", [True, False])
def test_what_is_hidden_is_said_and_not_written(is_first: bool, transfers: bool) -> None:
    source, server = Source(), ModelServer()
    cut = source.root("shop")
    if is_first:
        server.replace(cut, Type.NS, NS)
    source.services({"s1.shop": many(3), "s2.ops": many(3, "10.1.0.1")})
    driver = Driver(source, server, transfers=transfers)
    driver.drain()
    server.replace(cut, Type.NS, NS)
    driver.learn()
    sent = driver.sent
    source.service("s1.shop", many(2))
    driver.drain()
    assert driver.sent == sent
    assert driver.publication.worklist.obstacles == [
        Obstacle((source.root("s1.shop"),), cut=cut, is_whole=True)
    ]
    source.service("s2.ops", many(2, "10.1.0.1"))
    driver.drain()
    assert driver.sent == sent + 1


def test_an_obstacle_stays_while_other_names_of_its_service_change() -> None:
    source, server = Source(), ModelServer()
    root = source.root("s1.shop")
    server.replace(root, Type.CNAME, CNAME)
    instance = label("10-0-0-1") + root
    source.put("s1.shop", {(root, Type.A): {b"\x0a\0\0\1"}, (instance, Type.A): {b"\x0a\0\0\1"}})
    driver = Driver(source, server)
    driver.drain()
    source.put("s1.shop", {(root, Type.A): {b"\x0a\0\0\1"}, (instance, Type.A): {b"\x0a\0\0\2"}})
    driver.drain()
    assert driver.publication.worklist.obstacles == [Obstacle((root,))]


def test_a_wildcard_below_a_service_is_not_ours() -> None:
    source, server = Source(), ModelServer()
    star = label("*") + source.root("s1.shop"), Type.A
    server.rrsets[star] = FOREIGN
    source.service("s1.shop", many(3))
    Driver(source, server).drain()
    source.listeners.clear()
    driver = Driver(source, server, 2)  # one that remembers nothing
    driver.drain()
    assert without_markers(server) == {**wanted(source), star: FOREIGN}
    assert not driver.publication.worklist.obstacles


def test_a_probe_is_of_a_unit_without_a_part_in_what_was_refused() -> None:
    """One that the server has taken before, else one that it knows nothing of; its marker alone changes."""
    source, server = Source(), ModelServer()
    source.service("good.ops", many(2))
    driver = Driver(source, server)
    driver.drain()
    source.services({f"s{number}.bad": many(2) for number in range(3)})
    server.refused.update(key for key in source.published.rrsets if b"\x03bad" in key[0])
    driver.drain()
    draft = driver.publication.worklist.probe(source.serial, [])
    assert draft is not None
    [part] = draft.parts
    assert part.root == source.root("good.ops")
    assert part.before is not None
    assert not part.updates
    assert driver.publication.worklist.probe(source.serial, [part.root]) is None
    source.service("new.shop", many(2))
    draft = driver.publication.worklist.probe(source.serial, [part.root])
    assert draft is not None
    assert draft.parts[0].root == source.root("new.shop")
