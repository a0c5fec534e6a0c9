"""A network namespace: a machine of its own, as far as addresses and ports go. It takes root."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from itertools import count

import pytest

_numbers = count(1)


class Network:
    """A namespace with nothing but a loopback interface, which has these addresses beside its own."""

    def __init__(self, name: str) -> None:
        self._name = name

    def inside(self, *command: str) -> list[str]:
        """Return a command as it is run inside."""
        return [shutil.which("ip") or "ip", "netns", "exec", self._name, *command]

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command inside to its end."""
        return subprocess.run(self.inside(*command), capture_output=True, text=True, timeout=60, check=False)


@contextlib.contextmanager
def network(*addresses: str, ipv4: bool = True, ipv6: bool = True) -> Iterator[Network]:
    """Make a network namespace, without a family if need be; skip the test where that can't be done."""
    if os.geteuid() or not shutil.which("ip"):
        pytest.skip("network namespaces take root and iproute2")
    name = f"rollcall-{os.getpid()}-{next(_numbers)}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"no network namespace can be made: {made.stderr.strip()}")
    here = Network(name)
    commands = [["ip", "link", "set", "lo", "up"]]
    if not ipv4:
        commands.append(["ip", "address", "del", "127.0.0.1/8", "dev", "lo"])
    if not ipv6:
        commands.append(["sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"])
    commands += [["ip", "address", "add", address, "dev", "lo"] for address in addresses]
    try:
        for command in commands:
            done = here.run(*command)
            assert done.returncode == 0, f"{command}: {done.stderr}"
        yield here
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)
