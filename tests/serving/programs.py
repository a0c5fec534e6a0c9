"""DNS client programs, as users run them."""

import shutil
import subprocess

import pytest

PACKAGES = {"dig": "bind9-dnsutils", "kdig": "knot-dnsutils"}


def run(program: str, port: int, *arguments: str, server: str = "127.0.0.1") -> str:
    """Return what the program prints; skip the test, and say what to install, where it is missing."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed: apt-get install {PACKAGES[program]}")
    completed = subprocess.run(
        [program, f"@{server}", "-p", str(port), "+timeout=10", "+retry=0", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return completed.stdout + completed.stderr
