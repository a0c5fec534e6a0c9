"""A transfer process of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from transfers.running import TransferProcess, transfer_process


@pytest.fixture
def process(tmp_path: Path) -> Iterator[TransferProcess]:
    with transfer_process(tmp_path) as started:
        yield started
