"""The programs that people debug with, against a real worker."""

import re

import dns.message
import dns.query
import dns.resolver
import pytest

from serving.programs import run
from unit.serve.samples import addresses

SERVICE = "s.example.test"


def answer_lines(output: str) -> list[str]:
    return [line for line in output.splitlines() if line and not line.startswith(";")]


@pytest.mark.parametrize("program", ["dig", "kdig"])
@pytest.mark.parametrize(
    "options",
    [
        [],
        ["+noedns"],
        ["+edns=0", "+bufsize=4096"],
        ["+bufsize=512"],
        ["+dnssec"],
        ["+nsid"],
        ["+tcp"],
        ["+tcp", "+noedns"],
        ["+norecurse"],
        ["+adflag", "+cdflag"],
    ],
    ids=" ".join,
)
def test_a_name_is_looked_up(port: int, program: str, options: list[str]) -> None:
    output = run(program, port, *options, SERVICE, "A")

    lines = answer_lines(output)
    assert len(lines) == 8, output
    assert {line.split()[-1] for line in lines} <= set(addresses(10))
    assert re.search(r"status: NOERROR", output)
    assert "malformed" not in output.lower()


@pytest.mark.parametrize("program", ["dig", "kdig"])
@pytest.mark.parametrize(
    ("options", "records"),
    [(["+noedns"], 64), (["+bufsize=512"], 64), ([], 64), (["+ignore", "+noedns"], 29)],
    ids=["plain", "512", "EDNS", "no TCP"],
)
def test_what_does_not_fit_comes_over_tcp(port: int, program: str, options: list[str], records: int) -> None:
    output = run(program, port, *options, "all.example.test", "A")

    assert len(answer_lines(output)) == records, output


@pytest.mark.parametrize("program", ["dig", "kdig"])
def test_nearly_64_kilobytes_come_over_tcp(port: int, program: str) -> None:
    output = run(program, port, "huge.example.test", "TXT")

    lines = answer_lines(output)
    assert len(lines) == 200
    assert len({line.split()[4] for line in lines}) == 200


@pytest.mark.parametrize("program", ["dig", "kdig"])
def test_srv_comes_with_addresses(port: int, program: str) -> None:
    output = run(program, port, f"_http._tcp.{SERVICE}", "SRV")

    assert len(re.findall(r"\sSRV\s+0 1 80 i\d\.", output)) == 8, output
    assert len(re.findall(r"^i\d\.\S+\s+5\s+IN\s+A\s", output, re.MULTILINE)) == 8, output


@pytest.mark.parametrize("program", ["dig", "kdig"])
def test_a_name_that_is_not_there(port: int, program: str) -> None:
    output = run(program, port, f"no.{SERVICE}")

    assert "NXDOMAIN" in output
    assert re.search(r"^example\.test\.\s+30\s+IN\s+SOA", output, re.MULTILINE)


def test_kdig_keeps_a_connection_open_for_more_queries(port: int) -> None:
    output = run("kdig", port, "+tcp", "+keepopen", SERVICE, "A", SERVICE, "AAAA", "no.example.test", "A")

    assert output.count("status: NOERROR") == 2, output
    assert output.count("status: NXDOMAIN") == 1
    assert "fd00::1" in output


def test_a_stub_resolver_finds_both_families(port: int) -> None:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = ["127.0.0.1"]
    resolver.port = port
    resolver.lifetime = 20

    found = resolver.resolve_name(f"{SERVICE}.")

    assert len(set(found.addresses())) == 10
    with pytest.raises(dns.resolver.NXDOMAIN):
        resolver.resolve("no.example.test.", "A")
    with pytest.raises(dns.resolver.NoAnswer):
        resolver.resolve(f"{SERVICE}.", "TXT")


def test_dnspython_over_both_transports(port: int) -> None:
    for ask in (dns.query.udp, dns.query.tcp):
        response = ask(dns.message.make_query("all.example.test.", "A", use_edns=0), "127.0.0.1", 20, port)
        assert len(response.answer[0]) == 64
