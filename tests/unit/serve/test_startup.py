"""What a worker process takes into its memory."""

import subprocess
import sys

FORBIDDEN = ["aiohttp", "click", "kopf", "kubernetes", "prometheus_client", "rich", "yaml"]
FORBIDDEN_OURS = ["app", "cli", "directory", "http", "leadership", "publish", "sources", "status", "watch"]
KUBE = {"rollcall.kube.backoff", "rollcall.kube.errors"}

ROOMS_OF_THE_CONTROL_PROCESS = frozenset(
    ("watch", "sources", "publish", "propagation", "state", "leadership", "status", "http", "cli", "app")
)


def test_a_worker_imports_nothing_of_the_kubernetes_side() -> None:
    program = (
        "import sys, rollcall.serve.worker\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))\n"
        "print(*sorted(name for name in sys.modules if name.startswith('rollcall.')))\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    packages, ours = (set(line.split()) for line in run.stdout.splitlines())

    assert not packages.intersection(FORBIDDEN)
    assert not {name.split(".")[1] for name in ours}.intersection(FORBIDDEN_OURS)
    assert {name for name in ours if name.startswith("rollcall.kube.")} == KUBE
    assert not ours & {
        "rollcall.feed.feed",
        "rollcall.dnswire.tsig",
        "rollcall.kube.client",
        "rollcall.zone.zones",
    }
