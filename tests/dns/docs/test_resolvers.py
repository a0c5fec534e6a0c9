"""The resolvers of docs/how-to/resolvers.md, configured as it says, resolve our names."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode

from controlplane.child import Child
from controlplane.ports import free_port
from unit.docs.pages import ROOT, blocks
from waiting import SECONDS

PAGE = ROOT / "docs" / "how-to" / "resolvers.md"
WEB, EMPTY = "web.shop.k8s.example.com", "empty.shop.k8s.example.com"
ADDRESSES = {"10.0.0.0", "10.0.0.1", "10.0.0.2"}

Program = Callable[[str], str]
Run = Callable[..., Child]


def configuration(language: str, mark: str) -> str:
    """Return the block of the page that has a mark in it."""
    (found,) = [block.text for block in blocks(language) if block.page == PAGE and mark in block.text]
    return found


def ask(name: str, port: int, seconds: float = SECONDS) -> dns.message.Message:
    return dns.query.udp(dns.message.make_query(name, "A"), "127.0.0.1", port=port, timeout=seconds)


def check(resolver: Child, port: int) -> None:
    """Ask for a service with instances, and for one without any."""

    def answers() -> bool:
        try:
            return bool(ask(WEB, port, 2.0).answer)
        except (dns.exception.Timeout, OSError):
            return False  # it may not listen yet

    resolver.wait_until(answers, SECONDS)
    reply, nothing = ask(WEB, port), ask(EMPTY, port)
    assert {record.to_text() for rrset in reply.answer for record in rrset} == ADDRESSES
    assert (nothing.rcode(), nothing.answer) == (dns.rcode.NOERROR, [])


def test_unbound(tmp_path: Path, program: Program, run: Run, port: int) -> None:
    ours = configuration("conf", "stub-zone").replace("192.0.2.53@53", f"127.0.0.1@{port}")
    listen = free_port()
    config = tmp_path / "unbound.conf"
    config.write_text(
        f"""
server:
    interface: 127.0.0.1
    port: {listen}
    do-not-query-localhost: no
    do-daemonize: no
    use-syslog: no
    logfile: ""
    chroot: ""
    username: ""
    directory: "{tmp_path}"
    pidfile: "{tmp_path}/unbound.pid"
    private-address: 10.0.0.0/8
{ours}
remote-control:
    control-enable: no
"""
    )
    check(run(program("unbound"), "-d", "-c", config), listen)


def test_dnsmasq(tmp_path: Path, program: Program, run: Run, port: int) -> None:
    ours = configuration("conf", "rebind-domain-ok").replace("192.0.2.53#53", f"127.0.0.1#{port}")
    listen = free_port()
    config = tmp_path / "dnsmasq.conf"
    config.write_text(
        f"""
port={listen}
listen-address=127.0.0.1
bind-interfaces
no-resolv
no-hosts
stop-dns-rebind
user=root
pid-file=
{ours}
"""
    )
    check(
        run(program("dnsmasq"), "--keep-in-foreground", "--log-facility=-", f"--conf-file={config}"), listen
    )


def test_coredns(tmp_path: Path, program: Program, run: Run, port: int) -> None:
    listen = free_port()
    ours = configuration("corefile", "forward").replace("192.0.2.53:53", f"127.0.0.1:{port}")
    config = tmp_path / "Corefile"
    config.write_text(ours.replace("com:53 {", f"com:{listen} {{\n    bind 127.0.0.1"))
    check(run(program("coredns"), "-conf", config), listen)


def test_bind(tmp_path: Path, program: Program) -> None:
    """Only that named takes it: a static stub has no place for a port."""
    config = tmp_path / "named.conf"
    config.write_text(configuration("conf", "static-stub"))
    subprocess.run([program("named-checkconf"), config], check=True, timeout=SECONDS)
