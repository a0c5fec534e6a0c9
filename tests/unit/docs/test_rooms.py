"""The rooms, as the page on the architecture shows them, are those that the import contract holds apart."""

import re
import tomllib

from unit.docs.pages import ROOT, blocks_of

PAGE = ROOT / "docs" / "explanation" / "architecture.md"


def layers() -> list[set[str]]:
    """Return the layers of the import contract of the whole package, the highest one first."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [listed] = [each["layers"] for each in contracts if each.get("containers") == ["rollcall"]]
    return [set(layer.split(" | ")) for layer in listed]


def test_the_diagram_shows_the_layers_of_the_import_contract() -> None:
    diagram = blocks_of(PAGE)[0].text
    shown = [set(re.sub(r"\(.*\)", "", line).split()) for line in diagram.splitlines()]
    assert shown == layers()


def test_the_table_says_of_each_room_what_it_holds() -> None:
    _, _, table = PAGE.read_text().partition("| room | holds |")
    told = re.findall(r"^\| `(\w+)` \|", table.partition("\n\n")[0], re.MULTILINE)
    assert sorted(told) == sorted(set().union(*layers()))
