"""Percentiles, and dnsperf's report."""

import pytest
from bench.answers import parse
from bench.figures import Spread, percentile

from controlplane import ControlPlaneError

REPORT = """
  Queries sent:         1159441
  Queries completed:    1159400 (99.99%)
  Queries lost:         41 (0.01%)

  Response codes:       NOERROR 1159400 (100.00%)
  Average packet size:  request 62, response 190
  Run time (s):         5.000123
"""


@pytest.mark.parametrize(("percent", "value"), [(50, 50), (90, 90), (99, 99), (100, 100), (1, 1)])
def test_percentiles_are_by_nearest_rank(percent: int, value: int) -> None:
    assert percentile(list(range(1, 101)), percent) == value


def test_the_p99_of_few_values_is_the_worst() -> None:
    assert Spread.of_ns([3_000_000, 1_000_000, 2_000_000]) == Spread(3, 2.0, 3.0, 3.0, 3.0)


def test_an_answer_before_its_acknowledgement_stays_below_zero() -> None:
    assert Spread.of_ns([-500_000]).p50 == -0.5


def test_dnsperf_is_read() -> None:
    assert parse(REPORT) == {
        "answers": 1159400, "lost": 41, "noerror": 1159400, "bytes": 190, "seconds": 5.000123
    }  # fmt: skip


def test_other_response_codes_are_refused() -> None:
    with pytest.raises(ControlPlaneError, match="not all answers"):
        parse(REPORT.replace("NOERROR 1159400 (100.00%)", "NOERROR 1159000 (99.97%), SERVFAIL 400 (0.03%)"))


def test_a_report_that_lacks_a_figure_is_refused() -> None:
    with pytest.raises(ControlPlaneError, match="lacks lost"):
        parse(REPORT.replace("Queries lost", "Verloren"))
