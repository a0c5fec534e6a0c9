"""How the control process ends: kopf may be left behind in it, with coroutines that would not end."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from rollcall.config import Config

SECONDS = 60.0

PROGRAM = """
import asyncio, atexit, sys
from rollcall import app

async def wait():
    await asyncio.get_running_loop().create_future()

async def stubborn():
    try:
        await wait()
    finally:
        await wait()

async def run(config, listener):
    listener.close()
    asyncio.left_behind = stubborn()
    asyncio.left_behind.send(None)
    atexit.register(print, "temporary files are removed")
    {ending}

app._run = run
app.main(sys.argv[1:])
"""


def end(folder: Path, ending: str) -> "subprocess.CompletedProcess[str]":
    """Run a control process that has kept what kopf left behind, up to its end."""
    config = Config(state_dir=folder, runtime_dir=folder).encode()
    with socket.socket() as listener:
        return subprocess.run(
            [
                sys.executable,
                "-c",
                PROGRAM.format(ending=ending),
                config,
                str(listener.fileno()),
                str(os.getpid()),
            ],
            pass_fds=[listener.fileno()],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )


def test_an_orderly_end_is_quiet_and_leaves_nothing_out(tmp_path: Path) -> None:
    ended = end(tmp_path, "pass")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "temporary files are removed\n"


@pytest.mark.parametrize(("ending", "code"), [("sys.exit(78)", 78), ("raise OSError('no memory')", 1)])
def test_an_error_is_told(ending: str, code: int, tmp_path: Path) -> None:
    ended = end(tmp_path, ending)
    assert ended.returncode == code
    assert ended.stdout == "temporary files are removed\n"
    assert ("no memory" in ended.stderr) == (code == 1)


def test_temporary_files_go_when_it_is_killed(tmp_path: Path) -> None:
    """Certificates and keys are among them; the next start removes them with the folder of the sockets."""
    ended = end(tmp_path, "import tempfile; print(tempfile.gettempdir())")
    assert ended.stdout.splitlines()[0] == str(tmp_path)
