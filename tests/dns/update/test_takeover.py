"""`rollcall takeover` at real servers: the marker that was shown goes, and the leader does the rest."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import dns.update
import pytest
from click.testing import CliRunner, Result

from nameservers import KEY, Nameserver, send
from rollcall.cli import takeover_run
from rollcall.cli.group import group
from rollcall.publish.update.reasons import UpdateReason
from rollcall.publish.update.server_state import Held
from unit.cli.canned import CannedApi
from unit.cli.conftest import KUBECONFIG
from updates import Source, at_server, many, markers, running

Command = Callable[..., Awaitable[Result]]
SECRET = "/api/v1/namespaces/rollcall-system/secrets/bind-key"


@pytest.fixture
def command(server: Nameserver, domain: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Give a function that runs the command line, for a cluster with this server as a target."""
    target = {"name": "bind", "server": server.address, "port": server.port, "keySecret": "bind-key"}
    zone = {
        "apiVersion": "rollcall.dev/v1alpha1",
        "kind": "DiscoveryZone",
        "metadata": {"name": "internal", "uid": "u", "generation": 1},
        "spec": {"domain": domain, "updates": [target]},
        "status": {"owner": "rollcall"},
    }
    api = CannedApi([zone])
    api.answers[SECRET] = {"data": {"key": base64.b64encode(KEY.encode()).decode()}}
    monkeypatch.setattr("rollcall.cli.cluster.KubeClient", lambda credentials: api)
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(KUBECONFIG)
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    monkeypatch.delenv("POD_NAMESPACE", raising=False)

    async def run(*arguments: str) -> Result:
        words = ["takeover", "internal", *arguments, "-n", "shop"]
        return await asyncio.to_thread(CliRunner().invoke, group, words, prog_name="rollcall")

    return run


def plant(server: Nameserver, domain: str, generation: str) -> None:
    text = f'heritage=rollcall owner=rollcall service=shop/web "domain={domain}" generation={generation}'
    message = dns.update.UpdateMessage(domain)
    message.replace("_rollcall.web.shop", 5, "TXT", text)
    assert send(server, message).rcode() == 0


async def test_a_service_is_taken_back(server: Nameserver, domain: str, command: Command) -> None:
    source = Source(domain)
    source.services({"web.shop": many(2), "api.shop": many(2, "10.1.0.1")})
    generation = f"{10**18 - 1}.7"
    async with running(source, server) as it:
        await it.current()
        plant(server, domain, generation)
        source.services({"web.shop": many(3)})
        await it.said(UpdateReason.IMPLAUSIBLE_MARKER)
        planted = await markers(server, domain)

        shown = await command("bind", "web")
        assert shown.exit_code == 0, shown.output
        assert f"_rollcall.web.shop.{domain}" in shown.output
        assert generation in shown.output
        assert await markers(server, domain) == planted

        done = await command("bind", "web", "--yes", "-o", "json")
        assert done.exit_code == 0, done.output
        told: dict[str, Any] = json.loads(done.stdout)
        assert (told["generation"], told["changed"]) == (generation, True)
        it.repair()
        await it.current()
        assert await at_server(server, domain) == source.records()

        again = await command("bind", "web", "--yes")
        assert again.exit_code == 1
        assert "a leader can have written" in again.output


async def test_another_marker_than_the_one_that_was_read_stays(
    server: Nameserver, domain: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody writes between the look and the deletion: the server refuses it."""
    read = takeover_run._implausible

    async def and_then_another(*arguments: Any) -> Held:
        found = await read(*arguments)
        await asyncio.to_thread(plant, server, domain, f"{10**18 - 1}.2")
        return found

    plant(server, domain, f"{10**18 - 1}.1")
    monkeypatch.setattr(takeover_run, "_implausible", and_then_another)
    ended = await command("bind", "web", "--yes")
    assert ended.exit_code == 1
    assert "is another one by now" in ended.output
    (marker,) = (await markers(server, domain)).values()
    assert f"{10**18 - 1}.2" in marker


async def test_what_is_not_to_be_taken_over_is_left_alone(
    server: Nameserver, domain: str, command: Command
) -> None:
    """Names without a marker, a target that there isn't; and so nothing is written."""
    none = await command("bind", "web", "--yes")
    assert none.exit_code == 1
    assert "nothing to take over" in none.output
    other = await command("knot", "web", "--yes")
    assert other.exit_code == 1
    assert "it has bind" in other.output
    assert await markers(server, domain) == {}
