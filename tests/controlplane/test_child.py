"""Children: that none is left to nobody."""

import subprocess
from concurrent.futures import Future
from pathlib import Path

import pytest

from controlplane import child
from controlplane.child import Child


def test_an_interrupt_while_one_starts_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Interrupted(Future[subprocess.Popen[bytes]]):
        def result(self, timeout: float | None = None) -> subprocess.Popen[bytes]:
            process = super().result(timeout)
            started.append(process)
            if len(started) == 1:
                raise KeyboardInterrupt
            return process

    monkeypatch.setattr(child, "Future", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        Child("sleep", ["/bin/sleep", "600"], tmp_path / "log")
    assert started[0].returncode is not None
