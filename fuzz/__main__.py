"""`python -m fuzz`: feed the targets, print how they stood it."""

import argparse
import json
import shutil
import signal
import subprocess
import sys
from typing import NamedTuple

from controlplane import cache
from fuzz.target import names

SECONDS = 10.0
MOST_GROWTH = 0.05
"""Of the blocks of memory that Python has in use, after the warm-up."""

GROWTH_SECONDS = 60.0
"""In less time caches are still filling, and growth says nothing."""

_EXIT_INTERRUPTED = 130
_EXAMPLES = """\
examples:
  python -m fuzz                                 each target for ten seconds
  python -m fuzz queries transfers --seconds 600

An input that was a fault is kept below the cache folder, and its path is said. Copy it to
fuzz/corpus/TARGET/: the unit tier then feeds it for ever, and fails until the fault is mended.
"""


class Result(NamedTuple):
    """What has become of a target. `fault` is empty where there was none."""

    inputs: int
    growth: float
    fault: str


def main() -> int:
    """Return 0 where every target stood it, 1 where one didn't."""
    parser = argparse.ArgumentParser(
        prog="python -m fuzz",
        description=sys.modules["fuzz"].__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("target", nargs="*", help=f"some of {', '.join(names())}; all of them by default")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for each (%(default)g)")
    parser.add_argument("--seed", type=int, default=0, help="for the same inputs again (another each time)")
    options = parser.parse_args()
    if unknown := set(options.target) - set(names()):
        parser.error(f"there is no target {', '.join(sorted(unknown))}: there are {', '.join(names())}")
    print(f"{'target':<16}{'inputs':>12}{'a second':>10}{'growth':>9}", flush=True)
    failed = 0
    for name in options.target or names():
        try:
            result = feed(name, options.seconds, options.seed)
        except KeyboardInterrupt:
            return _EXIT_INTERRUPTED
        rate = result.inputs / options.seconds
        print(f"{name:<16}{result.inputs:>12,}{rate:>10,.0f}{result.growth:>9.1%}", flush=True)
        if result.fault:
            failed += 1
            print(result.fault, flush=True)
    return 1 if failed else 0


def feed(name: str, seconds: float, seed: int) -> Result:
    """Feed one target, in a process of its own, which chooses a seed where that is 0."""
    folder = cache.root() / "fuzz" / name
    shutil.rmtree(folder / "faults", ignore_errors=True)
    (folder / "figures").unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "fuzz.feeding", name, f"{seconds:g}", str(seed), str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        text, _ = process.communicate()
    except BaseException:
        process.send_signal(signal.SIGKILL)
        process.wait()
        raise
    figures = {"inputs": 0, "warm_blocks": 0, "blocks": 0}
    if (folder / "figures").exists():
        figures = json.loads((folder / "figures").read_text())
    growth = figures["blocks"] / figures["warm_blocks"] - 1 if figures["warm_blocks"] else 0.0
    fault = ""
    if process.returncode:
        kept = [str(path) for path in sorted((folder / "faults").glob("*"))]
        fault = "\n".join([*_told(text), f"the input: {', '.join(kept) or 'not known'}"])
    elif growth > MOST_GROWTH and seconds >= GROWTH_SECONDS:
        fault = f"{name} grows: by {growth:.1%} from {figures['warm_blocks']:,} blocks"
    return Result(figures["inputs"], growth, fault)


def _told(text: str) -> list[str]:
    """Return what a process has said of its fault, without what Atheris says of itself."""
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if "Uncaught Python exception" in line]
    return lines[starts[0] :] if starts else lines[-30:]


if __name__ == "__main__":
    sys.exit(main())
