"""Starts a run of octoDNS, feeds it, and ends it where it takes too long or nobody waits for it any more."""

import asyncio
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process

import msgspec

from .exchange import MAX_OUTCOME_BYTES, Failure, Outcome, SyncRequest

log = logging.getLogger(__name__)

_LINE_CHARACTERS = 2000
_PIECE_BYTES = 1 << 16
_LEVELS = {"DEBUG": logging.DEBUG, "INFO": logging.DEBUG}
"""octoDNS tells each of its steps as INFO; all else is passed on as a warning."""


async def run(request: SyncRequest, limit_seconds: float) -> Outcome:
    """Do a run in a process of its own. Its log lines become ours."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "rollcall.publish.octodns.run",
        str(os.getpid()),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        async with asyncio.timeout(limit_seconds):
            async with asyncio.TaskGroup() as group:
                group.create_task(_feed(process, msgspec.msgpack.encode(request)))
                answer = group.create_task(_read(process))
                lines = group.create_task(_pass_on(process, request.target))
            code = await process.wait()
    except TimeoutError:
        return Outcome(
            failure=Failure.TIME_OUT,
            message=f"The run took more than {limit_seconds:.0f} s and was ended; it may have made a part of"
            " its changes. It is tried again.",
        )
    finally:
        await _end(process)
    try:
        return msgspec.json.decode(answer.result(), type=Outcome)
    except msgspec.DecodeError:
        return Outcome(
            failure=Failure.ENDED,
            message=f"octoDNS ended with code {code} and no result: {lines.result() or 'it said nothing'}",
        )


async def _feed(process: Process, request: bytes) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(request)
        await process.stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        pass  # it has ended; its exit code says more
    finally:
        process.stdin.close()


async def _read(process: Process) -> bytes:
    assert process.stdout is not None
    answer = b""
    while piece := await process.stdout.read(_PIECE_BYTES):
        answer = (answer + piece)[:MAX_OUTCOME_BYTES]
    return answer


async def _pass_on(process: Process, target: str) -> str:
    """Log what the run says; return its last line."""
    assert process.stderr is not None
    begun, last = b"", ""
    while piece := await process.stderr.read(_PIECE_BYTES):
        *lines, begun = (begun + piece).split(b"\n")
        for line in lines:
            text = line.decode(errors="replace").strip()[:_LINE_CHARACTERS]
            if not text:
                continue
            last = text
            level = _LEVELS.get(text.partition(" ")[0], logging.WARNING)
            log.log(level, "octoDNS target %s: %s", target, text)
        begun = begun[:_PIECE_BYTES]
    return last


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()
