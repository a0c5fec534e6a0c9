"""RFC 8906 (BCP 231): the checks of its section 8, with the program that it gives them for."""

import re
from typing import NamedTuple

import pytest

from serving.programs import run

ZONE = "example.test"


class Check(NamedTuple):
    """A query as options of dig, and what the response must be."""

    options: str
    status: str
    flags: str
    has_soa: bool = True
    edns: bool = False


BASIC = "+noedns +noad +norec"
EDNS = "+nocookie +edns=0 +noad +norec"
EDNS1 = "+nocookie +edns=1 +noednsneg +noad +norec"

CHECKS = {
    "the zone is served": Check(f"{BASIC} soa {ZONE}", "NOERROR", "qr aa"),
    "unknown type": Check(f"{BASIC} type1000 {ZONE}", "NOERROR", "qr aa", has_soa=False),
    "CD": Check(f"{BASIC} +cd soa {ZONE}", "NOERROR", "qr aa"),
    "AD": Check(f"+noedns +norec +ad soa {ZONE}", "NOERROR", "qr aa"),
    "reserved bit": Check(f"{BASIC} +zflag soa {ZONE}", "NOERROR", "qr aa"),
    "RD": Check(f"+noedns +noad +rec soa {ZONE}", "NOERROR", "qr aa rd"),
    "unknown opcode": Check(f"{BASIC} +opcode=15 +header-only", "NOTIMP", "qr", has_soa=False),
    "EDNS": Check(f"{EDNS} soa {ZONE}", "NOERROR", "qr aa", edns=True),
    "EDNS version": Check(f"{EDNS1} soa {ZONE}", "BADVERS", "qr", has_soa=False, edns=True),
    "EDNS option": Check(f"{EDNS} +ednsopt=100 soa {ZONE}", "NOERROR", "qr aa", edns=True),
    "EDNS flag": Check(f"{EDNS} +ednsflags=0x40 soa {ZONE}", "NOERROR", "qr aa", edns=True),
    "EDNS version and flag": Check(
        f"{EDNS1} +ednsflags=0x40 soa {ZONE}", "BADVERS", "qr", has_soa=False, edns=True
    ),
    "EDNS version and option": Check(
        f"{EDNS1} +ednsopt=100 soa {ZONE}", "BADVERS", "qr", has_soa=False, edns=True
    ),
    "DNSSEC": Check(f"{EDNS} +dnssec soa {ZONE}", "NOERROR", "qr aa", edns=True),
    "EDNS version and DNSSEC": Check(
        f"{EDNS1} +dnssec soa {ZONE}", "BADVERS", "qr", has_soa=False, edns=True
    ),
    "several options": Check(
        f"+edns=0 +noad +norec +cookie +nsid +expire +subnet=0.0.0.0/0 soa {ZONE}",
        "NOERROR",
        "qr aa",
        edns=True,
    ),
    "cookie": Check(f"+noad +norec +cookie soa {ZONE}", "NOERROR", "qr aa", edns=True),
    "another class": Check(f"{BASIC} -c CH soa {ZONE}", "REFUSED", "qr", has_soa=False),
    "another zone": Check(f"{BASIC} soa example.org", "REFUSED", "qr", has_soa=False),
    "ANY": Check(f"{BASIC} any s.{ZONE}", "NOERROR", "qr aa", has_soa=False),
}


@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
def test_response(port: int, check: Check, transport: str) -> None:
    for _ in range(2):  # the first query of its kind, and one that is known
        output = run("dig", port, transport, *check.options.split(), "+multiline", "+nocomments", "+comments")

        assert f"status: {check.status}," in output, output
        flags = re.search(r";; flags: ([a-z ]*);(.*?) QUERY", output)
        assert flags is not None, output
        assert flags[1] == check.flags
        assert "MBZ" not in flags[2]
        answer = output.partition(";; ANSWER SECTION:")[2].partition(";; AUTHORITY SECTION:")[0]
        assert bool(re.search(r"\bIN SOA\b", answer)) is check.has_soa, output
        opt = re.search(r"; EDNS: version: (\d+), flags:([a-z ]*);(.*) udp: (\d+)", output)
        assert (opt is not None) is check.edns, output
        if opt is not None:
            assert opt[1] == "0"
            assert opt[2].strip() == ("do" if "+dnssec" in check.options else "")
            assert "MBZ" not in opt[3]
            assert opt[4] == "1232"
        assert "OPT=100" not in output
        assert ";; ERROR" not in output
        assert not re.search(r"^;; Warning", output, re.MULTILINE), output
