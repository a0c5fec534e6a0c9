"""How often /metrics is rendered."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Metric

from rollcall.http.figures import SHARE, Figures


class Slow(CollectorRegistry):
    """Takes a second of its own clock to be read."""

    now = 100.0
    asked = 0

    def collect(self) -> Iterator[Metric]:
        self.now += 1
        self.asked += 1
        return iter(super().collect())


def test_however_many_ask_rendering_takes_a_tenth_of_the_time() -> None:
    registry = Slow()
    figures = Figures(registry, lambda: registry.now)
    tags = []
    while registry.now < 200:
        tags.append(figures.rendering()[0])
        registry.now += 0.01
    assert registry.asked == len(set(tags)) == 100 * SHARE
