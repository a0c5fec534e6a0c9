"""`/v1/drained` on a real API server: what a preStop hook is told."""

import subprocess
import threading
import time

import pytest

from api.test_operator import apply, pod, zone
from rollcall_process import Rollcall

TTL = 2


@pytest.fixture
def web(cluster, namespace, tmp_path):
    apply(cluster, zone("drained", "drained.example", ttlSeconds=TTL))
    cluster.workloads.make_service(namespace, "web", selector={"app": "web"})
    for number in range(2):
        pod(cluster, namespace, number)
    with Rollcall(cluster.kubeconfig, tmp_path) as rollcall:
        rollcall.wait_answers(f"web.{namespace}.drained.example", {"10.20.0.1", "10.20.0.2"})
        yield rollcall
    cluster.kubectl("delete", "dz", "drained")
    assert "Traceback" not in rollcall.text


def test_a_pod_that_ends_is_drained_a_ttl_after_it_left(cluster, namespace, web):
    page = f"/v1/drained?pod={namespace}/web-0"
    status, body, _ = web.get(f"{page}&timeout=0")
    assert (status, "neither being deleted nor drained" in body) == (504, True)
    answers: list[int] = []
    hook = threading.Thread(target=lambda: answers.append(web.get(page)[0]))
    hook.start()
    began = time.monotonic()
    cluster.workloads.terminate(namespace, "web-0")
    hook.join()
    assert answers == [200]
    assert time.monotonic() - began > TTL
    assert web.answers(f"web.{namespace}.drained.example") == {"10.20.0.2"}
    cluster.workloads.delete_pod(namespace, "web-0")
    assert web.get(page)[0] == 200
    assert web.get(f"/v1/drained?pod={namespace}/nobody")[0] == 404


def test_a_pod_that_is_annotated_is_drained_as_well_and_curl_sees_it(cluster, namespace, web):
    cluster.kubectl("annotate", "pod", "web-1", "-n", namespace, "rollcall.dev/drain=true")
    url = f"http://127.0.0.1:{web.ports['http']}/v1/drained?pod={namespace}/web-1"
    told = subprocess.run(["curl", "-fsS", url], capture_output=True, text=True, check=True, timeout=70)
    assert told.stdout == f'{{"pod":"{namespace}/web-1","drained":true}}\n'
