"""What is kept, and what is forgotten for it."""

from rollcall.serve.recent import Recent


def test_what_is_asked_for_stays_whatever_else_comes() -> None:
    kept = Recent[int, str](10)
    kept.put(-1, "in use")
    for number in range(1000):
        kept.put(number, "once")
        if number % 5 == 0 and -1 not in kept:
            kept.put(-1, kept.old[-1])


def test_what_is_not_asked_for_is_forgotten() -> None:
    kept = Recent[int, str](10)
    for number in range(1000):
        kept.put(number, "once")

    assert [*kept.old, *kept] == list(range(980, 1000))
    kept.forget()
    assert not kept
    assert not kept.old
