"""The list of pages that `/` gives is the one of the reference."""

import re

from rollcall.http.server import INDEX
from unit.docs.pages import ROOT


def test_each_page_is_in_the_reference_and_the_other_way_round() -> None:
    listed = {line.split()[0].partition("?")[0] for line in INDEX.splitlines()[1:]}
    reference = (ROOT / "docs" / "reference" / "cli.md").read_text()
    rows = set(re.findall(r"^\| `(/[^`?]*)[^`]*` \|", reference, re.MULTILINE))
    assert listed == rows
