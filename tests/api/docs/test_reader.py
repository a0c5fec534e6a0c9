"""A reader who is to follow a page doesn't pass over what the page has and the test has not."""

from pathlib import Path

import pytest

from api.docs.reader import Reader
from controlplane import ControlPlane

PAGE = """\
Replaced is a whole word: shop, not workshop.

```sh
echo shop workshop shop-1
echo second
```

And `echo told shop`.

```conf
something else
```
"""


@pytest.fixture
def page(tmp_path: Path) -> str:
    file = tmp_path / "page.md"
    file.write_text(PAGE)
    return str(file)


def test_a_command_is_run_with_what_is_replaced(cluster: ControlPlane, page: str, tmp_path: Path) -> None:
    reader = Reader(cluster, page, tmp_path, {"shop": "mine"})
    assert reader.run("echo shop") == "mine workshop shop-1\n"
    assert reader.told("echo told shop") == "told mine\n"
    with pytest.raises(AssertionError, match="doesn't tell"):
        reader.told("echo untold")


def test_a_block_that_no_test_knows_fails(cluster: ControlPlane, page: str, tmp_path: Path) -> None:
    reader = Reader(cluster, page, tmp_path, {})
    with pytest.raises(AssertionError, match="goes on with Step"):
        reader.run("echo second")
    reader.run("echo shop")
    reader.run("echo second")
    with pytest.raises(AssertionError, match="goes on with Step"):
        reader.apply("something else")


def test_a_page_that_goes_on_fails(cluster: ControlPlane, page: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no test knows this"), Reader(cluster, page, tmp_path, {}):
        pass


def test_a_command_that_fails_fails(cluster: ControlPlane, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```sh\nfalse | true\n```\n")
    with (
        Reader(cluster, str(page), tmp_path, {}) as reader,
        pytest.raises(AssertionError, match="false"),
    ):
        reader.run("false")
