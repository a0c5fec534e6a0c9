"""The metrics page of Rollcall."""

import urllib.request
from collections.abc import Iterator

from prometheus_client.parser import text_string_to_metric_families

from controlplane import ControlPlaneError


class Metrics:
    """The samples of one page in Prometheus' text format."""

    def __init__(self, text: str) -> None:
        self._families = list(text_string_to_metric_families(text))

    @classmethod
    def of(cls, port: int) -> "Metrics":
        """Read /metrics of a Rollcall on this machine. Raises ControlPlaneError when there is no answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as response:
                return cls(response.read().decode())
        except OSError as error:
            raise ControlPlaneError(f"Rollcall's metrics can't be read: {error}") from error

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of a metric that have these labels; 0 without any."""
        return sum(value for found, value in self.samples(name) if labels.items() <= found.items())

    def samples(self, name: str) -> Iterator[tuple[dict[str, str], float]]:
        """Yield labels and value of each sample of a metric."""
        for family in self._families:
            for sample in family.samples:
                if sample.name == name:
                    yield sample.labels, sample.value
