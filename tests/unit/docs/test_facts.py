"""Facts that several pages tell are those of the code and the chart: rights, times, what isn't there yet."""

import math
import re
from collections import defaultdict

import yaml

from rollcall.model.lease_times import JITTER, LeaseTimes
from unit.docs.pages import PAGES, ROOT

WHO_WRITES = ROOT / "docs" / "explanation" / "who-writes.md"
_ANOTHER_LEADS = re.compile(r"another (one |replica )?(\[?leads\]?|goes on|follows)")
_WITHIN = re.compile(r"(?:within|at most|after|about) (\w+(?: to \w+)?) seconds")


def rights() -> dict[str, set[str]]:
    """Return the resources of the chart's rules by what may be done with them."""
    rules = yaml.safe_load((ROOT / "charts" / "rollcall" / "rules.yaml").read_text())
    kinds = {"get": "reads", "list": "reads", "watch": "reads", "create": "creates"}
    kinds |= {"update": "changes", "patch": "changes", "delete": "deletes", "deletecollection": "deletes"}
    found: defaultdict[str, set[str]] = defaultdict(set)
    for rule in (rule for part in rules.values() for rule in part):
        for verb in rule["verbs"]:
            found[kinds[verb]] |= set(rule["resources"])
    return dict(found)


def test_security_lists_every_right_and_no_other() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    told = {
        verb: set(re.findall(r"`([a-z/]+)`", listed))
        for verb, listed in re.findall(r"^- it (\w+): (.*?)[;.]\n(?=- it|\n)", text, re.MULTILINE | re.DOTALL)
    }
    assert told == rights()


def test_security_says_which_rights_are_for_its_own_namespace_alone() -> None:
    rules = yaml.safe_load((ROOT / "charts" / "rollcall" / "rules.yaml").read_text())
    own = {resource for rule in rules["own"] for resource in rule["resources"]}
    text = " ".join((ROOT / "SECURITY.md").read_text().split())
    told = re.findall(r"in its own namespace ((?:`[a-z]+`(?: and )?)+)", text)
    assert {name for listed in told for name in re.findall(r"`([a-z]+)`", listed)} == own


def test_all_pages_have_the_times_of_a_take_over() -> None:
    times = LeaseTimes()
    released = times.retry_period_seconds * JITTER[1]  # the leader ends in order, and frees the Lease
    lost = times.duration_seconds + released
    at_most = {str(math.ceil(released)), str(5 * math.ceil(lost / 5))}
    told: dict[str, set[str]] = {}
    for page in PAGES:
        for sentence in re.split(r"(?<=[.:])\s+(?=[A-Z*])|\n\n|\n(?=[-|])", page.read_text()):
            if _ANOTHER_LEADS.search(" ".join(sentence.split())):
                told.setdefault(page.name, set()).update(_WITHIN.findall(" ".join(sentence.split())))
    assert {"failure.md", "README.md", "publication-gate.md"} <= told.keys()
    for page_name, found in told.items():
        assert found <= at_most | {f"{times.renew_deadline_seconds:g}"}, page_name
    table = WHO_WRITES.read_text()
    for seconds in at_most:
        assert f"at most {seconds} seconds" in table


def test_what_is_not_there_yet_is_the_same_on_all_pages() -> None:
    for page in ("CHANGELOG.md", "docs/explanation/architecture.md", "docs/explanation/failure.md"):
        _, _, text = (ROOT / page).read_text().partition("# Not yet\n")
        assert "sudden loss of most instances" in " ".join(text.split()), page
    _, _, architecture = (ROOT / "docs/explanation/architecture.md").read_text().partition("# Not yet\n")
    _, _, changelog = (ROOT / "CHANGELOG.md").read_text().partition("# Not yet\n")
    assert architecture.strip().count("\n") + 1 == changelog.strip().count("\n- ") + 1
