"""`python -m demo`: runs the demo, and leaves nothing behind, however it ends."""

import argparse
import contextlib
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from controlplane import ControlPlaneError
from demo import next_steps, stage, story
from demo.errors import DemoError
from demo.terminal import Terminal

_STEPS = 8
_INTERRUPTED = 128 + signal.SIGINT
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """Run the demo; return 0, 1 when something failed or did not come in time, 130 after Ctrl-C."""
    arguments = _parser().parse_args()
    terminal = Terminal(_STEPS)
    for number in _SIGNALS:
        signal.signal(number, _interrupt)
    try:
        with contextlib.ExitStack() as stack:
            try:
                _play(terminal, stack, arguments.kubeconfig, keep=arguments.keep)
            finally:
                for number in _SIGNALS:  # what was started is ended, whoever is impatient
                    signal.signal(number, signal.SIG_IGN)
    except KeyboardInterrupt:
        terminal.failure("interrupted; all that was started is ended and removed")
        return _INTERRUPTED
    except (ControlPlaneError, DemoError) as error:
        terminal.failure(str(error), error.details if isinstance(error, DemoError) else "")
        return 1
    except BrokenPipeError:  # the reader has seen enough, as in `make demo | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    terminal.lines([""])
    terminal.say(f"All that was started is ended and removed, after {terminal.elapsed_seconds:.0f} s.")
    return 0


def _play(terminal: Terminal, stack: contextlib.ExitStack, kubeconfig: Path | None, *, keep: bool) -> None:
    set_up = stage.set_up(terminal, stack, kubeconfig)
    try:
        story.tell(set_up, terminal)
    except (ControlPlaneError, DemoError) as error:
        raise DemoError(str(error), set_up.rollcall.tail()) from error
    if not keep:
        next_steps.show(terminal)
        return
    next_steps.show_running(set_up, terminal)
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            signal.pause()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument(
        "--keep",
        action="store_true",
        default=os.environ.get("KEEP", "") not in ("", "0"),
        help="leave everything running until Ctrl-C (also KEEP=1)",
    )
    parser.add_argument(
        "--kubeconfig",
        type=Path,
        help="use this cluster, in namespaces of the demo's own (also KUBECONFIG_FOR_TESTS)",
    )
    return parser


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
