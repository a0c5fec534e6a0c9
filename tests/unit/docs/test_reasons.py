"""The page on other servers names every reason that a target can have."""

from pathlib import Path

import pytest

from rollcall.publish.report import BEHIND, CURRENT
from rollcall.publish.transfer.reasons import Reason as TransferReason
from rollcall.publish.update.reasons import Reason as UpdateReason
from rollcall.transfers import OFF

PAGE = (Path(__file__).parents[3] / "docs" / "explanation" / "other-servers.md").read_text()


@pytest.mark.parametrize("reason", sorted({*UpdateReason, *TransferReason, CURRENT, BEHIND, OFF}))
def test_it_is_explained(reason: str) -> None:
    assert f"`{reason}`" in PAGE.split("| reason |", 1)[1]
