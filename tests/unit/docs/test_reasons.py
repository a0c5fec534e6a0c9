"""The pages name every reason that they are about."""

from pathlib import Path

import pytest

from rollcall.directory.follow import FollowReason
from rollcall.propagation.report import BEHIND, CURRENT
from rollcall.publish.secondaries_feed import OFF
from rollcall.publish.transfer.secondaries.reasons import SecondaryReason
from rollcall.publish.update.reasons import UpdateReason

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "explanation" / "other-servers.md").read_text()
FOLLOWING = (DOCS / "how-to" / "following-roll-outs.md").read_text()


@pytest.mark.parametrize("reason", sorted({*UpdateReason, *SecondaryReason, CURRENT, BEHIND, OFF}))
def test_it_is_explained(reason: str) -> None:
    assert f"`{reason}`" in PAGE.split("| reason |", 1)[1]


@pytest.mark.parametrize("reason", FollowReason)
def test_why_a_roll_out_can_not_be_followed_is_explained(reason: str) -> None:
    assert f"| `{reason}` |" in FOLLOWING
