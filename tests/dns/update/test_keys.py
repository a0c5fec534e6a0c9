"""A key as dig prints it is the key that the server has."""

import asyncio
import re
import subprocess

import pytest

from nameservers import DOMAIN, KEY, Bind, Knot, PowerDNS, serving
from updates import Source, many, running


@pytest.mark.parametrize("kind", [Bind, Knot, PowerDNS])
async def test_the_words_of_dig_make_the_key(kind, tmp_path) -> None:
    secret = KEY.rpartition(":")[2]
    with serving(kind.primary(tmp_path)) as [server]:
        where = [f"@{server.address}", "-p", str(server.port), "+tcp"]
        printed = await asyncio.to_thread(
            subprocess.check_output, ["dig", *where, "-y", KEY, DOMAIN, "SOA"], text=True
        )
        signed = re.search(r"^(\S+)\s+0\s+ANY\s+TSIG\s+(\S+) ", printed, re.MULTILINE)
        assert signed, printed
        name, algorithm = signed.groups()
        assert algorithm.endswith("."), "a domain name to the last dot"
        source = Source(DOMAIN)
        source.service("web.shop", many(2))
        async with running(
            source, server, key=f"{algorithm.upper()}:{name}:{secret[:30]}\n{secret[30:]}"
        ) as it:
            await it.current()
