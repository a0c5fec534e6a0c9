"""What is kept, and what is forgotten for it."""

from rollcall.serve.recent import Recent


def test_what_is_asked_for_stays_whatever_else_comes() -> None:
    kept = Recent[int, str](10)
    kept.put(-1, "in use")
    for number in range(1000):
        kept.put(number, "once")
        if number % 5 == 0:
            assert kept.find(-1) == "in use"


def test_what_is_not_asked_for_is_forgotten() -> None:
    kept = Recent[int, str](10)
    for number in range(1000):
        kept.put(number, "once")

    assert 10 <= sum(kept.find(number) is not None for number in reversed(range(1000))) <= 20
    kept.forget()
    assert kept.find(999) is None
