"""dnsmasq answers from our configuration, and from a hosts file that it reads again on SIGHUP."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import dns.asyncquery
import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from controlplane.child import Child
from controlplane.ports import free_port
from file_consumers import Mount, answered, finish
from hostile import hostile
from rollcall.model import Members
from unit.publish.files.builders import EMPTY, WEB, file, instance, many, members
from waiting import SECONDS

Ask = Callable[[str, str], Awaitable[set[str]]]
Serve = Callable[..., tuple[Child, Ask]]

DOMAIN = "k8s.example.org"
CONFIGURATION = file("dnsmasq", domain=DOMAIN, key="rollcall.conf")
HOSTS = file("hosts", domain=DOMAIN)


@pytest.fixture
def serve(program: Callable[[str], str], run: Callable[..., Child]) -> Serve:
    """Start a dnsmasq; give a function that asks it: the records in text, or the rcode without any."""

    def start(*options: str) -> tuple[Child, Ask]:
        port = free_port()
        child = run(
            program("dnsmasq"),
            "--keep-in-foreground",
            "--no-resolv",
            "--no-hosts",
            "--user=root",
            "--pid-file=",
            "--bind-interfaces",
            "--listen-address=127.0.0.1",
            f"--port={port}",
            *options,
        )

        async def ask(name: str, rdtype: str) -> set[str]:
            query = dns.message.make_query(name, rdtype, use_edns=0)
            answer = None
            async with asyncio.timeout(SECONDS):
                while answer is None:  # it may not listen yet, and then nobody says so
                    with contextlib.suppress(dns.exception.Timeout):
                        answer = await dns.asyncquery.udp(query, "127.0.0.1", 0.5, port=port)
            records = {record.to_text() for rrset in answer.answer for record in rrset}
            return records or {dns.rcode.to_text(answer.rcode())}

        return child, ask

    return start


@pytest.mark.parametrize(
    "services",
    [
        pytest.param([WEB, EMPTY], id="all kinds"),
        pytest.param([many(3_000)], id="many"),
        pytest.param([*hostile()], id="hostile"),
        [],
    ],
)
async def test_the_syntax(services: list[Members], tmp_path: Path, program: Callable[[str], str]) -> None:
    mount = Mount(tmp_path / "mount")
    mount.publish(CONFIGURATION, services)

    checked = await finish(program("dnsmasq"), "--test", f"--conf-dir={mount.folder},*.conf")
    assert checked.code == 0, checked
    assert "syntax check OK" in checked.errors


async def test_names_are_answered(tmp_path: Path, serve: Serve) -> None:
    mount = Mount(tmp_path / "mount")
    mount.publish(CONFIGURATION, [WEB, EMPTY])
    _, ask = serve(f"--conf-file={mount.folder}/rollcall.conf")
    web = f"web.shop.{DOMAIN}"
    await answered(lambda: ask(web, "A"), lambda found: found == {"10.0.0.1"})

    assert await ask(web, "AAAA") == {"fd00::1", "fd00::3"}
    assert await ask(f"10-0-0-2.{web}", "A") == {"10.0.0.2"}
    assert await ask(f"web-c.{web}", "AAAA") == {"fd00::3"}
    assert await ask(f"_http._tcp.{web}", "SRV") == {
        f"0 100 8080 10-0-0-1.{web}.",
        f"0 0 8080 10-0-0-2.{web}.",
        f"0 100 8080 web-c.{web}.",
    }
    assert await ask("1.0.0.10.in-addr.arpa", "PTR") == {f"10-0-0-1.{web}."}
    assert await ask(f"empty.shop.{DOMAIN}", "A") == {"NOERROR"}, "known, and empty"
    assert await ask(f"nobody.{web}", "A") == {"NXDOMAIN"}


async def test_a_file_without_services(tmp_path: Path, serve: Serve) -> None:
    mount = Mount(tmp_path / "mount")
    mount.publish(CONFIGURATION, [])
    _, ask = serve(f"--conf-file={mount.folder}/rollcall.conf")

    await answered(lambda: ask(f"web.shop.{DOMAIN}", "A"), lambda found: found == {"REFUSED"})


async def test_a_hosts_file_is_read_again(tmp_path: Path, serve: Serve) -> None:
    mount = Mount(tmp_path / "mount")
    mount.publish(HOSTS, [WEB, EMPTY])
    child, ask = serve(f"--addn-hosts={mount.folder}/file", f"--local=/{DOMAIN}/")
    web = f"web.shop.{DOMAIN}"
    await answered(lambda: ask(web, "A"), lambda found: found == {"10.0.0.1"})
    assert await ask(web, "AAAA") == {"fd00::1", "fd00::3"}
    assert await ask("3.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa", "PTR") == {
        f"web-c.{web}."
    }

    mount.publish(HOSTS, [members("web", instance(7, ipv6=False)), EMPTY])
    os.kill(child.pid, signal.SIGHUP)
    await answered(lambda: ask(web, "A"), lambda found: found == {"10.0.0.7"})

    mount.publish(HOSTS, [EMPTY])
    os.kill(child.pid, signal.SIGHUP)
    await answered(lambda: ask(web, "A"), lambda found: found == {"NXDOMAIN"})
