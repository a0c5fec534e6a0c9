"""Cookies of real workers: dig takes them for good ones, and those that share a secret take each other's."""

import os
import re
from pathlib import Path

import dns.edns
import dns.message
import dns.query

from owners import OWNER
from rollcall.serve.cookies import new_secrets, write_secrets
from rollcall.serve.snapshot import write_snapshot
from serving.programs import run
from serving.running import worker_processes
from unit.serve.samples import rrset, zone
from waiting import SECONDS


def test_dig_takes_our_cookie_for_a_good_one(port: int) -> None:
    output = run("dig", port, "s.example.test", "A")

    assert re.search(r"^; COOKIE: [0-9a-f]{48} \(good\)$", output, re.MULTILINE), output


def test_dig_takes_it_over_tcp_and_where_it_asks_for_nothing_else(port: int) -> None:
    for option in ("+tcp", "+header-only"):
        output = run("dig", port, option, "s.example.test", "A")
        assert re.search(r"^; COOKIE: [0-9a-f]{48} \(good\)$", output, re.MULTILINE), output
        assert "status: NOERROR" in output


def cookie_from(port: int, cookie: bytes) -> bytes:
    """Ask for a name with a cookie, and return the one that comes back."""
    option = dns.edns.CookieOption(cookie[:8], cookie[8:])
    query = dns.message.make_query("s.example.test.", "A", use_edns=0, options=[option])
    [received] = dns.query.udp(query, "127.0.0.1", SECONDS, port).options
    assert isinstance(received, dns.edns.CookieOption)
    return received.client + received.server


def test_workers_that_share_a_secret_take_each_others_cookies(tmp_path: Path) -> None:
    """One that is valid and new comes back as it is; another is exchanged for one of ours."""
    unchanged = []
    secrets = new_secrets()
    cookie = os.urandom(8)
    for name, shared in (("one", True), ("another", True), ("stranger", False)):
        folder = tmp_path / name
        folder.mkdir()
        with worker_processes(folder) as [worker]:
            write_secrets(worker.cookie_secrets_path, secrets if shared else new_secrets())
            write_snapshot(worker.snapshot_path, OWNER, [zone(rrset("s.example.test.", "A", "10.0.0.1"))])
            worker.start()
            received = cookie_from(worker.port, cookie)
            unchanged.append(received == cookie)
            cookie = received
            assert worker.end() == 0
            assert secrets[0].hex() not in worker.log
    assert unchanged == [False, True, False]
