"""The feed's frames: what goes in comes out, however the stream is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.feed.errors import FrameError
from rollcall.feed.frames import (
    MAX_FRAME,
    RRSETS_A_FRAME,
    Ack,
    CommitFrame,
    Decoder,
    Delta,
    Hello,
    Reset,
    Stats,
    ToControl,
    ToWorker,
    encode,
    pieces,
)
from rollcall.serve.table import Table
from rollcall.zone.changes import ZoneDelta
from unit.serve.samples import addresses, name, rrset, zone

WHOLE = zone(rrset("s.example.test.", "A", *addresses(10)), negative_ttls={"s.example.test.": 3})
TO_WORKER: list[ToWorker] = [Reset(), Delta(1, (WHOLE,)), CommitFrame(1), Delta(2, ())]
TO_CONTROL: list[ToControl] = [Hello(1), Ack(7, 12.5), Stats(udp_responses=3, rcodes={3: 2})]


@given(st.lists(st.integers(1, 50)))
def test_frames_survive_any_cutting_of_the_stream(sizes: list[int]) -> None:
    stream = b"".join(map(encode, TO_WORKER))
    decoder = Decoder[ToWorker](ToWorker)
    received: list[ToWorker] = []

    for size in sizes:
        received += decoder.feed(stream[:size])
        stream = stream[size:]
    received += decoder.feed(stream)

    assert received == TO_WORKER


def test_frames_to_the_control_process() -> None:
    decoder = Decoder[ToControl](ToControl)

    assert [frame for sent in TO_CONTROL for frame in decoder.feed(encode(sent))] == TO_CONTROL


@pytest.mark.parametrize(
    "stream",
    [
        b"\x00\x00\x00\x01\xff",
        b"\x00\x00\x00\x00",
        encode(Hello(1)),
        (MAX_FRAME + 1).to_bytes(4, "big"),
        b"GET / HTTP/1.1\r\n\r\n",
    ],
    ids=["not msgpack", "empty", "of the other direction", "too long", "another protocol"],
)
def test_what_is_no_frame_is_refused(stream: bytes) -> None:
    with pytest.raises(FrameError):
        list(Decoder[ToWorker](ToWorker).feed(stream))


def test_pieces_are_small_and_make_the_same_table() -> None:
    number = 2 * RRSETS_A_FRAME + 1
    whole = zone(
        *(rrset(f"n{index}.example.test.", "A", "10.0.0.1") for index in range(number)),
        negative_ttls={"n1.example.test.": 3},
    )
    in_one, in_pieces = Table(), Table()
    in_one.apply_delta(whole)

    parts = list(pieces([whole, zone(apex="other.test.")]))
    for part in parts:
        in_pieces.apply_delta(part)

    assert [len(part.rrsets) for part in parts] == [RRSETS_A_FRAME, RRSETS_A_FRAME, 1, 0]
    assert in_pieces.zones.pop(name("other.test."))
    assert in_pieces.zones == in_one.zones


def test_a_zone_that_is_gone_stays_one_piece() -> None:
    gone = ZoneDelta(name("other.test."), 3, gone=True)

    assert list(pieces([gone])) == [gone]
