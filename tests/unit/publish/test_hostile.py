"""Names, labels and texts of hostile objects are data in every file, and nothing more."""

import json

import pytest

from hostile import EVIL, NAMES, VERSIONS, hostile
from rollcall.publish.files import FORMATS, render
from unit.publish.files.builders import file


@pytest.mark.parametrize("form", FORMATS)
def test_free_text_comes_into_no_file(form: str) -> None:
    parts = render(file(form, port="http"), hostile(), 1).parts
    assert parts
    for part in parts:
        assert EVIL not in part.text
        assert not [each for each in part.text if not (each.isprintable() or each in "\n\t")]


def test_what_looks_like_another_type_is_text() -> None:
    document = json.loads(render(file("json"), hostile(), 1).text)
    assert {each["name"] for each in document["services"]} == set(NAMES)
    for service in document["services"]:
        for key in ("version", "zone"):
            assert {each[key] for each in service["instances"]} == set(VERSIONS)


def test_no_label_or_annotation_changes_who_is_in() -> None:
    assert [len(each.instances) for each in hostile()] == [len(VERSIONS)] * len(NAMES)
    instances = [each for members in hostile() for each in members.instances]
    assert {(each.eligible, each.weight) for each in instances} == {(True, 100)}
