"""What a child says while there is no feed; in virtual time."""

import asyncio
import logging
from pathlib import Path

import pytest

from rollcall.feed.follower import QUIET_SECONDS, Follower
from unit.running import running

pytestmark = pytest.mark.looptime


class Nowhere:
    """Takes a state that never comes."""

    reset = load = commit = apply_delta = configure = None


async def test_a_control_process_may_take_its_time_to_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with running(Follower(tmp_path / "feed.sock", 0, Nowhere()).run()):  # type: ignore[arg-type]
        await asyncio.sleep(QUIET_SECONDS - 1.5)
        assert caplog.messages == []
        await asyncio.sleep(600)
    (said,) = caplog.messages
    assert "no feed" in said
    assert "(No such file or directory)" in said
