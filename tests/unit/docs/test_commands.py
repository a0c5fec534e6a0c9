"""Every `rollcall` command in the documentation parses, and the reference has every option and field."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from rollcall.cli.group import COMMANDS, group
from unit.cli.canned import CannedApi
from unit.cli.conftest import Rollcall, api, kubeconfig, rollcall
from unit.docs.pages import PAGES, ROOT, blocks, inline_code, name

__all__ = ["api", "kubeconfig", "rollcall"]  # fixtures

REFERENCE = ROOT / "docs" / "reference" / "cli.md"


def commands() -> Iterator[tuple[Path, str]]:
    """Yield the lines that call rollcall: of shell blocks, and of examples within a sentence."""
    for block in blocks("sh", "console"):
        text = block.text.replace("\\\n", " ")
        for line in text.splitlines():
            for command in re.split(r"&&|\|\||[|;]", line):
                found = re.match(r"\s*(?:\$ )?(?:kubectl )?(rollcall( .*)?)$", command)
                if found:
                    yield block.page, found[1]
    for page in PAGES:
        for code in inline_code(page):
            if re.match(r"(kubectl )?rollcall [a-z-]", code):
                yield page, code.removeprefix("kubectl ")


FOUND = sorted(set(commands()))


def test_there_are_commands() -> None:
    assert len(FOUND) > 30


@pytest.mark.parametrize(("page", "command"), FOUND, ids=[f"{name(page)}: {text}" for page, text in FOUND])
def test_commands_parse(page: Path, command: str) -> None:
    words = shlex.split(re.sub(r"\s(2?>|&$).*", "", command), comments=True)[1:]
    assert parse(words) in COMMANDS or words == ["--version"]


def parse(words: list[str]) -> str:
    """Parse arguments as the command line does; return the name of the command, "" for none."""
    at = next((at for at, word in enumerate(words) if word in COMMANDS), None)
    if at is None:
        with pytest.raises(click.exceptions.Exit):  # --help, --version
            group.make_context("rollcall", list(words))
        return ""
    click.Command("rollcall", params=group.params).make_context("rollcall", words[:at])
    command = group.get_command(click.Context(group), words[at])
    assert command is not None
    name, rest = words[at], words[at + 1 :]
    while isinstance(command, click.Group) and rest and rest[0] in command.commands:
        command, name, rest = command.commands[rest[0]], rest[0], rest[1:]
    try:
        command.make_context(name, list(rest))
    except click.MissingParameter:
        assert rest == []  # a command that is spoken of, and not typed: `rollcall lookup`
    return words[at]


def parameters(command: click.Command) -> list[click.Parameter]:
    """Return what a command takes, with what the commands below it take."""
    below = command.commands.values() if isinstance(command, click.Group) else ()
    return [*command.params, *(param for each in below for param in parameters(each))]


@pytest.mark.parametrize("command", list(COMMANDS))
def test_the_reference_has_every_option(command: str) -> None:
    found = group.get_command(click.Context(group), command)
    assert found is not None
    page = REFERENCE.read_text()
    taken = parameters(found)
    options = [flag for param in taken if isinstance(param, click.Option) for flag in param.opts]
    assert [flag for flag in options if f"`{flag}" not in page] == []
    assert f"\n## {command}\n" in page


@pytest.mark.parametrize("command", list(COMMANDS))
def test_the_reference_has_no_option_that_is_not_there(command: str) -> None:
    _, _, section = REFERENCE.read_text().partition(f"\n## {command}\n")
    section = section.partition("\n## ")[0]
    found = group.get_command(click.Context(group), command)
    assert found is not None
    known = {flag for param in parameters(found) for flag in param.opts}
    rows = re.findall(r"^\| (`-.*?`) \|", section, re.MULTILINE)
    told = {flag for row in rows for flag in re.findall(r"`(--?[a-z-]+)", row, re.IGNORECASE)}
    assert told - known == set()


def fields(value: Any) -> set[str]:
    if isinstance(value, dict):
        counted = {"leftOut"}  # its keys are reasons
        inner = (fields(child) for key, child in value.items() if key not in counted)
        return set(value).union(*inner)
    if isinstance(value, list):
        return set().union(*map(fields, value))
    return set()


@pytest.mark.parametrize("arguments", [("status", "-A"), ("status", "shop/web")])
def test_the_reference_has_every_field(
    api: CannedApi, rollcall: Rollcall, arguments: tuple[str, ...]
) -> None:
    page = REFERENCE.read_text()
    written = fields(rollcall(*arguments, "-o", "json").json)
    # The fields of a condition are those of Kubernetes, the ones of a port are in `kubectl explain`.
    known = {"type", "status", "lastTransitionTime", "port", "protocol"}
    assert sorted(field for field in written - known if f"`{field}" not in page) == []
