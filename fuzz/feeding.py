"""Feeds one target for a time, in a process of its own: `python -m fuzz.feeding NAME SECONDS SEED FOLDER`.

Which parts of Rollcall an input reaches is seen by Atheris, which keeps in FOLDER those that reach new ones,
and makes others of them. At the first fault the process ends with what has gone wrong, and the input stays in
FOLDER. From time to time it writes how it stands to FOLDER/figures.
"""

import gc
import json
import logging
import sys
import time
from pathlib import Path

import atheris

from fuzz.target import CORPUS, load

MAX_OCTETS = 2048
WARM_UP = 0.3
"""Of the time: then caches are full, and what grows from there on has no bound."""

FIGURES_SECONDS = 1.0


class _Traceback(logging.Handler):
    """Takes a traceback in a log for the fault that it is."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.fault: logging.LogRecord | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Note one."""
        if record.exc_info:
            self.fault = record


def main(name: str, seconds: float, seed: int, folder: Path) -> None:
    """Feed it."""
    inputs, found = folder / "inputs", folder / "faults"
    for each in (inputs, found):
        each.mkdir(parents=True, exist_ok=True)
    with atheris.instrument_imports(include=["rollcall"]):
        target = load(name)
    for number, octets in enumerate(target.seeds):
        (inputs / f"seed-{number}").write_bytes(octets)
    logs = _Traceback()
    logging.root.handlers = [logs]
    logging.root.setLevel(logging.WARNING)
    started = time.monotonic()
    figures = {"inputs": 0, "warm_blocks": 0, "blocks": 0}
    due = started + FIGURES_SECONDS

    def feed(octets: bytes) -> None:
        nonlocal due
        figures["inputs"] += 1
        target.feed(octets)
        if logs.fault is not None:
            raise AssertionError(f"a traceback in the log: {logs.fault.getMessage()}")
        now = time.monotonic()
        if now >= due:
            due = now + FIGURES_SECONDS
            gc.collect()
            figures["blocks"] = sys.getallocatedblocks()
            if now - started < WARM_UP * seconds or not figures["warm_blocks"]:
                figures["warm_blocks"] = figures["blocks"]
            (folder / "figures").write_text(json.dumps(figures))

    options = [
        f"-max_total_time={seconds:g}",
        f"-max_len={MAX_OCTETS}",
        f"-seed={seed}",
        f"-artifact_prefix={found}/",
        "-timeout=10",
        "-print_final_stats=0",
        "-verbosity=0",
    ]
    kept = [str(CORPUS / name)] if (CORPUS / name).exists() else []
    atheris.Setup([sys.argv[0], *options, str(inputs), *kept], feed)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
