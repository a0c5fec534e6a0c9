"""The command line: `rollcall`, and `kubectl rollcall` where its plugin is on PATH.

Every command is a module. They are imported when they are called, and what they need (kubernetes, aiohttp,
rich, dnspython) inside their functions, so that `--help` and completion answer at once.
"""


def main() -> None:
    """Run the command that the arguments name (console script of `rollcall` and `kubectl-rollcall`)."""
    from .group import start

    start()
