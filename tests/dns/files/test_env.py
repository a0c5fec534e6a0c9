"""A shell reads our variables."""

import os
import re
from pathlib import Path

import pytest

from file_consumers import Mount, finish
from hostile import hostile
from rollcall.model import Members
from unit.publish.files.builders import EMPTY, WEB, file, many

ENV = file("env", key="services.env")


async def variables(services: list[Members], folder: Path, dump: str) -> list[str]:
    mount = Mount(folder / "mount")
    mount.publish(ENV, services)
    script = f"set -eu; set -a; . {mount.folder}/services.env; set +a; {dump}"
    ran = await finish("env", "-i", f"PATH={os.environ['PATH']}", "sh", "-c", script)
    assert (ran.code, ran.errors) == (0, "")
    return ran.output.split()


async def test_all_kinds(tmp_path: Path) -> None:
    web = "$WEB_COUNT $WEB_HOSTS $WEB_0_HOST $WEB_0_PORT $WEB_1_HOST $WEB_1_PORT"
    dump = f'echo {web} $EMPTY_COUNT "[$EMPTY_HOSTS]"'

    assert await variables([WEB, EMPTY], tmp_path, dump) == [
        "2",
        "10.0.0.1:8080,[fd00::3]:8080",
        "10.0.0.1",
        "8080",
        "fd00::3",
        "8080",
        "0",
        "[]",
    ]


async def test_a_program_gets_them(tmp_path: Path) -> None:
    found = await variables([WEB, EMPTY], tmp_path, "env")

    assert {"WEB_COUNT=2", "EMPTY_HOSTS="} <= set(found)


@pytest.mark.parametrize(("services", "expected"), [([], []), ([many(1_000)], ["1000"])])
async def test_few_and_many(services: list[Members], expected: list[str], tmp_path: Path) -> None:
    assert await variables(services, tmp_path, "echo ${WEB_COUNT-}") == expected


async def test_hostile_names_make_no_other_variables(tmp_path: Path) -> None:
    """Neither those that a shell or a loader goes by, nor any of which the value is more than an address."""
    found = await variables([*hostile()], tmp_path, "env")
    ours = [line for line in found if re.fullmatch(r"[A-Z_0-9]+_(COUNT|HOSTS|HOST|PORT)=[0-9.:,]*", line)]
    others = {line.partition("=")[0] for line in found if line not in ours}
    assert others <= {"PATH", "PWD", "OLDPWD", "SHLVL", "_"}
    assert len(ours) == sum(2 + 2 * len(each.instances) for each in hostile())
