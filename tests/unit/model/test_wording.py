"""Numbers of things and lists in messages; and that no message writes a number of things by itself."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from rollcall.model.wording import abridged, counted, share

OPERATOR = Path(__file__).parents[3] / "operator"

THINGS = r"address(es)?|changes|domains|events|files|hits|instances|labels|lines|messages|names|namespaces"
THINGS += (
    r"|objects|parts|pods|pointers|ports|queries|records|replicas|requests|rights|secondaries|serials|servers"
)
THINGS += r"|services|steps|targets|times|updates|versions|workers|zones"
A_NUMBER_OF_THINGS = re.compile(rf" (of \d+ |more |other |of the )*({THINGS})\b")
"""As it follows a value in a string. What is never one alone isn't here: octets of a whole, seconds."""


def test_a_number_has_its_noun() -> None:
    assert [counted(number, "service") for number in range(3)] == ["0 services", "1 service", "2 services"]
    assert [counted(number, "name is", "names are") for number in (1, 2)] == ["1 name is", "2 names are"]
    assert counted(1, "query", "queries") == "1 query"


def test_the_whole_says_how_the_noun_of_a_part_is_written() -> None:
    assert share(0, 1, "instance is", "instances are") == "0 of 1 instance is"
    assert share(1, 3, "instance is", "instances are") == "1 of 3 instances are"
    assert share(1, 1, "zone") == "1 of 1 zone"


def test_a_long_list_says_how_many_it_leaves_out() -> None:
    assert abridged(["a", "b"], 2) == "a, b"
    assert abridged(["a", "b"], 3) == "a, b and 1 more"
    assert abridged(["a"], 1001) == "a and 1000 more"


@pytest.mark.parametrize("file", sorted(OPERATOR.rglob("*.py")), ids=lambda file: file.stem)
def test_no_message_writes_a_number_of_things_by_itself(file: Path) -> None:
    """So that nothing says `1 services`."""
    found = list(_written(ast.parse(file.read_text())))
    assert not found, "write it with `counted` or `share` of model/wording.py"


def _written(tree: ast.AST) -> Iterator[str]:
    """Yield what follows a number in f-strings and in what is logged, with {} for the number."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            for value, after in pairwise(node.values):
                if isinstance(value, ast.FormattedValue) and isinstance(after, ast.Constant):
                    text = str(after.value)
                    if A_NUMBER_OF_THINGS.match(text) and not _is_word(value):
                        yield f"{{}}{text}"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            for before, text in re.findall(r"(%d)([^%]*)", node.value):
                if A_NUMBER_OF_THINGS.match(text):
                    yield f"{before}{text}"


def _is_word(value: ast.FormattedValue) -> bool:
    """Whether a value is a text, as its being named by a call that gives one says: `{counted(…)} names`."""
    call = value.value
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
