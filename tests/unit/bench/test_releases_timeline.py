"""What is made of answers and switches."""

from bench.releases.sides import Side
from bench.releases.timeline import Record, Seen, Switch, kinds, seen

BLUE, GREEN = Side.FIRST, Side.SECOND


def record(*answers: tuple[int, int, Side]) -> Record:
    """Make a record of answers: when each was received, on which socket, what it showed."""
    made = Record()
    for received, socket, side in answers:
        made.add(received - 1, received, socket, side)
    return made


def test_a_switch_is_from_its_acknowledgement_to_the_first_new_and_the_last_old_answer() -> None:
    found = seen(
        record((5, 0, BLUE), (25, 0, BLUE), (31, 1, GREEN), (33, 0, BLUE), (35, 0, GREEN), (40, 1, GREEN)),
        [Switch(GREEN, asked_ns=10, acknowledged_ns=20)],
    )
    assert found == [Seen(first_new_ns=11, last_old_ns=13, back=0)]


def test_an_answer_may_be_ahead_of_the_acknowledgement() -> None:
    found = seen(record((12, 0, BLUE), (15, 0, GREEN)), [Switch(GREEN, 10, 20)])
    assert found == [Seen(-5, -8, 0)]


def test_a_switch_lasts_until_the_next_one() -> None:
    answers = record((12, 0, BLUE), (15, 0, GREEN), (32, 0, GREEN), (35, 0, BLUE))
    found = seen(answers, [Switch(GREEN, 10, 11), Switch(BLUE, 30, 31)])
    assert found == [Seen(4, 1, 0), Seen(4, 1, 0)]


def test_answers_are_taken_in_the_order_in_which_they_arrived() -> None:
    found = seen(record((15, 0, GREEN), (12, 1, BLUE)), [Switch(GREEN, 10, 11)])
    assert found == [Seen(4, 1, 0)]


def test_the_old_side_after_the_new_one_on_one_socket_is_told() -> None:
    found = seen(record((12, 0, GREEN), (13, 1, BLUE), (14, 0, BLUE)), [Switch(GREEN, 10, 11)])
    assert found == [Seen(1, 3, back=1)]


def test_a_switch_that_nobody_saw_has_no_times() -> None:
    assert seen(record((12, 0, Side.EMPTY)), [Switch(GREEN, 10, 11)]) == [Seen(None, None, 0)]


def test_answers_are_counted_by_what_they_show() -> None:
    counts = kinds(record((1, 0, BLUE), (2, 0, Side.MIXED), (3, 0, Side.MIXED)))
    assert counts == {"first": 1, "second": 0, "mixed": 2, "empty": 0, "strange": 0, "failed": 0}


def test_gaps_are_those_between_questions() -> None:
    assert record((5, 0, BLUE), (9, 1, BLUE), (10, 0, BLUE)).gaps_ns() == [4, 1]
