"""Somebody who goes through a page of docs/how-to/ from the top to the end, and leaves nothing out.

    with Reader(plane, "canary.md", tmp_path, {"shop": namespace}) as reader:
        reader.apply("kind: ServiceInstance")
        reader.run("rollcall release abort")

A step is a YAML block, or one command of a shell block. The test says what it takes the next one for; a page
that goes on with something else, or has more in the end than the test knows, fails it.
"""

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Self

from api.cli.terminal import Terminal, shown
from controlplane import ControlPlane
from controlplane.programs import find
from rollcall_process import Rollcall
from unit.docs.pages import ROOT, blocks_of, inline_code

HOW_TO = ROOT / "docs" / "how-to"
SECONDS = 120.0


class Step(NamedTuple):
    """A YAML block, or a command."""

    language: str
    text: str


class Reader:
    """Follows a page with the tools of its readers: kubectl, dig, curl, helm and rollcall.

    `replaced` are the words that this reader has others for, as everybody has a namespace of his own: whole
    words, in blocks and in what is told in a sentence. Nothing else of the page is changed. The working
    folder is that of the repository, where charts/ is.
    """

    def __init__(self, plane: ControlPlane, page: str, home: Path, replaced: Mapping[str, str]) -> None:
        self._plane = plane
        self._page = HOW_TO / page
        self._home = home
        self._replaced = dict(replaced)
        self._steps = list(_steps(self._page))
        self._taken = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            assert self._steps[self._taken :] == [], f"{self._page.name} goes on: no test knows this"

    def reaches(self, rollcall: Rollcall) -> None:
        """Let dig and curl reach an operator as they would in a cluster that has been set up.

        There the resolver knows where our domain is, and rollcall-http.rollcall-system is a Service. Here
        ~/.digrc and ~/.curlrc say so, which both programs read before their arguments.
        """
        dns, http = rollcall.ports["dns"], rollcall.ports["http"]
        (self._home / ".digrc").write_text(f"@127.0.0.1 -p {dns}\n")
        (self._home / ".curlrc").write_text(
            f'connect-to = "rollcall-http.rollcall-system:8080:127.0.0.1:{http}"\n'
        )

    def apply(self, mark: str) -> None:
        """Apply the next step, a YAML block that has `mark` in it."""
        text = self._next("yaml", mark)
        self._plane.kubectl("apply", "-f", "-", input=self._adapted(text))

    @property
    def page(self) -> str:
        """The text of the page, for what it shows in sentences and tables."""
        return self._page.read_text()

    def patch(self, mark: str, *what: str) -> None:
        """Merge the next step, a YAML block that is a part of an object, into one that there is."""
        text = self._adapted(self._next("yaml", mark))
        self._plane.kubectl("patch", *what, "--type=merge", "--patch", text)

    def run(self, mark: str, **more: str) -> str:
        """Run the next step, a command that has `mark` in it; return what it writes.

        `more` are further environment variables.
        """
        return self._shell(self._next("sh", mark), more)

    def run_again(self, mark: str) -> str:
        """Run a command of the page again that has been run before."""
        (text,) = {step.text for step in self._steps[: self._taken] if mark in step.text}
        return self._shell(text, {})

    def watching(self, mark: str) -> contextlib.AbstractContextManager[Terminal]:
        """Run the next step, a command that goes on until Ctrl-C, on a terminal; press that in the end."""
        command = self._adapted(self._next("sh", mark))
        return shown(["bash", "-c", f"exec {command}"], self._environment())

    def told(self, command: str) -> str:
        """Run a command that the page tells in a sentence."""
        assert command in inline_code(self._page), f"{self._page.name} doesn't tell `{command}`"
        return self._shell(command, {})

    def script(self, text: str, **more: str) -> str:
        """Run what comes out of the page in another way, such as a preStop hook."""
        return self._shell(text, more)

    def _next(self, language: str, mark: str) -> str:
        assert self._taken < len(self._steps), f"{self._page.name} ends before {mark!r}"
        step = self._steps[self._taken]
        assert (step.language, mark in step.text) == (language, True), (
            f"{self._page.name} goes on with {step}, and not with {mark!r}"
        )
        self._taken += 1
        return step.text

    def _adapted(self, text: str) -> str:
        for old, new in self._replaced.items():
            text = re.sub(rf"(?<![\w-]){re.escape(old)}(?![\w-])", new, text)
        return text

    def _shell(self, text: str, more: Mapping[str, str]) -> str:
        command = self._adapted(text)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=ROOT,
            env={**self._environment(), **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def _environment(self) -> dict[str, str]:
        tools = [Path(sys.executable).parent, find("kubectl").parent, find("helm").parent]
        settings = ("ROLLCALL_SERVER", "FORCE_COLOR", "KUBERNETES_SERVICE_HOST")
        inherited = {name: value for name, value in os.environ.items() if name not in settings}
        return {
            **inherited,
            "HOME": str(self._home),
            "KUBECONFIG": str(self._plane.kubeconfig),
            "PATH": os.pathsep.join([*map(str, tools), os.environ["PATH"]]),
        }


def _steps(page: Path) -> Iterator[Step]:
    for block in blocks_of(page):
        if block.language == "sh":
            commands = block.text.replace("\\\n", " ").splitlines()
            yield from (Step("sh", command) for command in commands if command.strip())
        else:
            yield Step(block.language, block.text)


def column(table: str, name: str) -> str:
    """Return what the first row of a table of kubectl's has below a heading."""
    heading, row, *_ = table.splitlines()
    begin = heading.index(name)
    return row[begin:].split("  ")[0].strip()
