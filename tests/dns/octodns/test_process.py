"""The process of a run: octoDNS's own YAML provider in it, and providers that misbehave."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from rollcall.publish.octodns.exchange import Failure, SyncRequest
from rollcall.publish.octodns.process import run
from unit.publish.octodns.publishing import Publishing
from unit.publish.octodns.zones import IDENTITY, Domain, web
from waiting import SECONDS, until

PROVIDERS = "unit.publish.octodns.providers"
FOREIGN = {
    "": {"type": "NS", "value": "ns1.example.net."},
    "printer": {"type": "A", "value": "198.51.100.12"},
}


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))


def settings(class_path: str, **arguments: object) -> dict[str, bytes]:
    return {"provider.yaml": yaml.safe_dump({"class": class_path, **arguments}).encode()}


def request(domain: Domain, secret: dict[str, bytes]) -> SyncRequest:
    return SyncRequest("provider", "settings", domain.published.apex, IDENTITY, secret, domain.rrsets())


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def read_pid(file: Path) -> int:
    await until(lambda: file.exists() and file.read_text(), f"a number in {file}")
    return int(await asyncio.to_thread(file.read_text))


async def test_the_yaml_provider_keeps_what_others_have_written(tmp_path) -> None:
    file = tmp_path / "k8s.example.com.yaml"
    file.write_text(yaml.safe_dump(FOREIGN))
    domain = Domain()
    domain.hold(*web("10.0.0.1"))
    secret = settings("octodns.provider.yaml.YamlProvider", directory=str(tmp_path), escaped_semicolons=False)
    async with Publishing(domain, secret).running() as publishing:
        await publishing.until_current()
        written = yaml.safe_load(file.read_text())
        assert written.pop("_rollcall.web.shop")["value"] == "heritage=rollcall,owner=prod,service=shop/web"
        assert written.pop("web.shop") == {"ttl": 5, "type": "A", "value": "10.0.0.1"}
        assert written.pop("_http._tcp.web.shop")["value"] == {
            "priority": 0,
            "weight": 100,
            "port": 80,
            "target": "10-0-0-1.web.shop.k8s.example.com.",
        }
        assert written.pop("10-0-0-1.web.shop")["value"] == "10.0.0.1"
        assert written == FOREIGN

        publishing.hold()
        await publishing.until_current()
    assert yaml.safe_load(file.read_text()) == FOREIGN


async def test_a_run_that_takes_too_long_is_ended(tmp_path, monkeypatch) -> None:
    """However far it has got: on a busy machine not even to its provider."""
    start = asyncio.create_subprocess_exec
    started = []

    async def noted(*command: str, **options: Any) -> asyncio.subprocess.Process:
        started.append(await start(*command, **options))
        return started[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noted)
    outcome = await run(request(Domain(), settings(f"{PROVIDERS}.Endless", file=str(tmp_path / "pid"))), 1.0)
    assert outcome.failure is Failure.TIME_OUT
    (process,) = started
    assert process.returncode == -signal.SIGKILL
    assert gone(process.pid)


async def test_a_cancelled_worker_leaves_no_process(tmp_path) -> None:
    file = tmp_path / "pid"
    async with Publishing(Domain(), settings(f"{PROVIDERS}.Endless", file=str(file))).running():
        pid = await read_pid(file)
        assert not gone(pid)
    assert gone(pid)


async def test_a_killed_operator_leaves_no_process(tmp_path) -> None:
    file = tmp_path / "pid"
    program = (
        "import asyncio, msgspec, sys\n"
        "from rollcall.publish.octodns import process, exchange\n"
        "request = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=exchange.SyncRequest)\n"
        "asyncio.run(process.run(request, 600.0))\n"
    )
    operator = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdin=asyncio.subprocess.PIPE
    )
    assert operator.stdin is not None
    operator.stdin.write(
        msgspec.msgpack.encode(request(Domain(), settings(f"{PROVIDERS}.Endless", file=str(file))))
    )
    operator.stdin.close()
    pid = await read_pid(file)
    operator.kill()
    await operator.wait()
    await until(lambda: gone(pid), f"the end of {pid}")


async def test_nothing_confidential_is_said(caplog) -> None:
    password = "correct horse/battery"
    secret = settings(f"{PROVIDERS}.Talkative", password="secret/word") | {"word": password.encode() + b"\n"}
    with caplog.at_level("DEBUG"):
        outcome = await run(request(Domain(), secret), SECONDS)
    assert outcome.failure is Failure.SETTINGS
    assert "the password *** is too short" in outcome.message
    for said in ("stdout ***", "stderr ***", "log ***"):
        assert said in caplog.text
    assert password not in caplog.text


async def test_a_provider_that_ends_the_process_is_a_failure() -> None:
    outcome = await run(request(Domain(), settings(f"{PROVIDERS}.Leaving")), SECONDS)
    assert outcome.failure is Failure.ENDED
    assert "code 3" in outcome.message
    assert "going home" in outcome.message


@pytest.mark.parametrize(
    ("class_path", "says"),
    [
        ("octodns_nowhere.NowhereProvider", "Python package octodns-nowhere"),
        ("octodns.provider.yaml.NoProvider", "There is no class"),
        ("subprocess.Popen", "not a provider of octoDNS"),
        ("octodns_powerdns.PowerDnsProvider", "doesn't take the settings"),
    ],
)
async def test_a_class_that_cannot_be_used(class_path, says) -> None:
    outcome = await run(request(Domain(), settings(class_path)), SECONDS)
    assert outcome.failure is Failure.SETTINGS
    assert says in outcome.message
    assert "settings" in outcome.message


async def test_an_image_without_octodns_says_what_to_install(tmp_path, monkeypatch) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['octodns'] = None\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    outcome = await run(request(Domain(), settings("octodns.provider.yaml.YamlProvider")), SECONDS)
    assert outcome.failure is Failure.SETTINGS
    assert "rollcall[octodns]" in outcome.message


async def test_a_large_zone_goes_through(tmp_path) -> None:
    domain = Domain()
    domain.hold(
        *(
            line
            for number in range(300)
            for line in web(f"10.0.{number >> 8}.{number & 255}", name=f"s{number}.shop")
        )
    )
    secret = settings("octodns.provider.yaml.YamlProvider", directory=str(tmp_path), escaped_semicolons=False)
    (tmp_path / "k8s.example.com.yaml").touch()
    outcome = await run(request(domain, secret), SECONDS)
    assert (outcome.failure, outcome.created) == (None, 1200)
