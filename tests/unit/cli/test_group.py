"""The command line as a whole: help pages, what it imports, how it ends, where options may stand."""

import re
import subprocess
import sys
from importlib.metadata import entry_points

import click
import pytest

import rollcall as package
from rollcall.cli.group import COMMANDS, group
from rollcall.kube import Unreachable
from unit.cli.canned import GROUP, CannedApi
from unit.cli.conftest import Rollcall

HEAVY = (
    "kubernetes",
    "kopf",
    "aiohttp",
    "rich.console",
    "rich.table",
    "dns",
    "msgspec",
    "rollcall.watch",
    "rollcall.kube",
)


def modules_after(code: str) -> set[str]:
    """Run code in an interpreter of its own; return the modules that it has then."""
    script = f"import sys\n{code}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS if name != "run")])
def test_help_imports_next_to_nothing(command: list[str]) -> None:
    code = f"from rollcall.cli.group import group\ngroup({[*command, '--help']!r}, standalone_mode=False)"
    loaded = modules_after(code)
    assert "click" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_completion_imports_next_to_nothing() -> None:
    assert modules_after("import rollcall.cli.group").isdisjoint(HEAVY)


def test_the_list_of_commands(rollcall: Rollcall) -> None:
    ended = rollcall("--help")
    assert ended.code == 0
    assert [name for name in COMMANDS if f"\n  {name}" in ended.stdout] == list(COMMANDS)
    for code in ("0  fine", "1  an error", "2  wrong usage", "3  the name or the service does not exist"):
        assert code in ended.stdout


@pytest.mark.parametrize("name", list(COMMANDS))
def test_each_command_says_what_the_list_says(name: str) -> None:
    command = group.get_command(click.Context(group), name)
    assert command is not None
    assert command.name == name
    first = (command.help or "").splitlines()[0]
    assert first.rstrip(".:").split(":")[0] == COMMANDS[name].rstrip(".").split(":")[0]


@pytest.mark.parametrize("name", list(COMMANDS))
def test_examples_are_in_the_help_and_are_valid(rollcall: Rollcall, name: str) -> None:
    page = rollcall(name, "--help").stdout
    _, _, examples = page.partition("Examples:\n")
    lines = re.findall(rf"^ +rollcall {name}.*$", examples, re.MULTILINE)
    assert len(lines) >= 3
    for line in lines:
        arguments = re.split(r" {3,}", line.strip())[0].split()[2:]
        command = group.get_command(click.Context(group), name)
        assert command is not None
        command.make_context(name, arguments)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_help_fits_into_a_terminal(rollcall: Rollcall, name: str) -> None:
    wide = [line for line in rollcall(name, "--help").stdout.splitlines() if len(line) > 100]
    assert wide == []


def test_the_version(rollcall: Rollcall) -> None:
    assert rollcall("--version").stdout == f"rollcall {package.__version__}\n"


def test_an_unknown_command(rollcall: Rollcall) -> None:
    ended = rollcall("nope")
    assert (ended.code, ended.stdout) == (2, "")
    assert "No such command 'nope'" in ended.stderr


def test_options_may_stand_before_the_command(api: CannedApi, rollcall: Rollcall) -> None:
    after = rollcall("status", "web", "-n", "test", "-o", "json")
    assert rollcall("-n", "test", "-o", "json", "status", "web") == after
    assert after.json["namespace"] == "test"


def test_what_stands_after_the_command_wins(api: CannedApi, rollcall: Rollcall) -> None:
    assert rollcall("-n", "test", "status", "web", "-n", "shop", "-o", "json").json["namespace"] == "shop"


def test_debug_lets_the_traceback_through(api: CannedApi, rollcall: Rollcall) -> None:
    api.answers[f"{GROUP}/namespaces/shop/serviceinstances/web"] = Unreachable("GET /x: no route")
    with pytest.raises(Unreachable):
        rollcall("status", "web", "-v")


def test_a_bug_is_one_line_too(api: CannedApi, rollcall: Rollcall, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object, **more: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("rollcall.cli.views.service_json", broken)
    ended = rollcall("status", "web", "-o", "json")
    assert ended.code == 1
    assert ended.stderr == (
        "Error: ZeroDivisionError: division by zero. This should not happen:"
        " run the command again with -v, and report what it prints.\n"
    )


@pytest.mark.parametrize(
    ("program", "name"), [("rollcall", "rollcall"), ("kubectl-rollcall", "kubectl rollcall")]
)
def test_it_is_called_what_it_was_called(
    program: str, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (script,) = entry_points(group="console_scripts", name=program)
    assert script.value == "rollcall.cli:main"
    monkeypatch.setattr(sys, "argv", [f"/usr/bin/{program}", "status", "--help"])
    with pytest.raises(SystemExit) as ended:
        script.load()()
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"Usage: {name} status [OPTIONS] [SERVICE]\n")


def test_it_can_be_run_as_a_module() -> None:
    command = [sys.executable, "-m", "rollcall.cli", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.startswith("rollcall ")


def test_the_shell_is_told_the_commands() -> None:
    command = [sys.executable, "-m", "rollcall.cli"]
    environment = {"_ROLLCALL_COMPLETE": "bash_complete", "COMP_WORDS": "rollcall ", "COMP_CWORD": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=True)
    assert done.stdout.split() == [f"plain,{name}" for name in COMMANDS]


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("lease-duration", "10s", "--leader-elect-lease-duration: write more than 10s, the renew deadline."),
        ("retry-period", "9s", "--leader-elect-renew-deadline: write more than 10.8s"),
        ("retry-period", "2", "'2' is not a duration: write a number and its unit, such as 30s or 500ms."),
    ],
)
def test_times_of_the_lease_that_leave_no_margin(
    rollcall: Rollcall, option: str, value: str, says: str
) -> None:
    ended = rollcall("run", f"--leader-elect-{option}", value)
    assert ended.code == 2
    assert says in " ".join(ended.stderr.split())
