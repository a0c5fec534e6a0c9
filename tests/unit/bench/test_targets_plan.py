"""What is flipped and what is counted."""

from itertools import islice

from bench.metrics import Metrics
from bench.targets import fleets
from bench.targets.apicalls import count_lists
from bench.targets.updates import Turns


def test_a_pod_goes_and_comes_back_before_the_next_one_goes() -> None:
    fleet = fleets.flipping("ns", 1)
    turns = Turns(fleet)
    for service in islice(fleet.services * 3, 12):
        gone, back = turns.next(), turns.next()
        assert gone[0] is back[0] is service
        assert gone[1] is back[1]
        assert (gone[2], back[2]) == (frozenset({gone[1]}), frozenset())


def test_each_pod_of_the_large_zone_has_an_address_of_its_own() -> None:
    services = [fleets.large_service(number) for number in range(fleets.LARGE_SERVICES)]
    addresses = [pod.address for service in services for pod in service.pods]
    assert len(set(addresses)) == len(addresses) == 5_390


METRICS = """\
# HELP apiserver_request_total Requests
# TYPE apiserver_request_total counter
apiserver_request_total{code="200",resource="pods",scope="cluster",verb="LIST",version="v1"} 3
apiserver_request_total{code="200",resource="pods",scope="cluster",verb="WATCH",version="v1"} 8
apiserver_request_total{code="410",resource="services",scope="cluster",verb="LIST",version="v1"} 1
apiserver_request_total{code="200",resource="endpoints",scope="cluster",verb="LIST",version="v1"} 9
"""


def test_lists_of_what_rollcall_reads_are_counted() -> None:
    assert count_lists(METRICS) == 4


def test_metrics_are_summed_up_by_their_labels() -> None:
    metrics = Metrics(METRICS)
    assert metrics.total("apiserver_request_total", resource="pods") == 11
    assert metrics.total("apiserver_request_total", resource="pods", verb="LIST") == 3
    assert metrics.total("rollcall_update_messages_total", target="knot") == 0
