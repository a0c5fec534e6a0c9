"""BIND loads our zone files: alone, empty, capped, and in parts."""

from collections.abc import Callable
from pathlib import Path

import pytest

from file_consumers import Finished, Mount, finish
from hostile import hostile
from rollcall.model import Members
from rollcall.publish.files import numbered
from unit.publish.files.builders import EMPTY, WEB, file, many

ZONE = file("zonefile", key="db.example.org")


async def load(checker: str, mount: Mount) -> Finished:
    # BIND looks for included files in its working folder.
    return await finish(
        checker, "-i", "local", "-k", "fail", "example.org", "db.example.org", cwd=mount.folder
    )


@pytest.mark.parametrize(
    "services",
    [
        pytest.param([WEB, EMPTY], id="all kinds"),
        pytest.param([EMPTY], id="only empty"),
        pytest.param([], id="no service"),
        pytest.param([many(300)], id="capped"),
        pytest.param([*hostile()], id="hostile"),
    ],
)
async def test_a_zone_loads(services: list[Members], tmp_path: Path, program: Callable[[str], str]) -> None:
    mount = Mount(tmp_path / "mount")
    mount.publish(ZONE, services, serial=2_026_112_400)

    checked = await load(program("named-checkzone"), mount)
    assert checked.code == 0, checked
    assert "loaded serial 2026112400" in checked.output


async def test_a_zone_in_parts_loads_whole_or_not_at_all(
    tmp_path: Path, program: Callable[[str], str]
) -> None:
    mount = Mount(tmp_path / "mount")
    mount.publish(ZONE, [many(12_000)])
    second = mount.folder / numbered("db.example.org", 2)
    assert second.exists()

    checked = await load(program("named-checkzone"), mount)
    assert checked.code == 0, checked

    second.unlink()
    checked = await load(program("named-checkzone"), mount)
    assert checked.code != 0
    assert "file not found" in checked.output
