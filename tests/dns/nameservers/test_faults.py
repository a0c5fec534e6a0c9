"""The proxy does to messages what it says, and counts them."""

import asyncio
from collections.abc import Iterator

import dns.asyncquery
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.update
import pytest

from nameservers import (
    DOMAIN,
    KEY,
    Delay,
    Fault,
    FaultProxy,
    Knot,
    Nameserver,
    data,
    serial,
    serving,
    tsig_key,
)
from waiting import SECONDS

LOST = (OSError, EOFError)


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Nameserver]:
    with serving(Knot.primary(tmp_path_factory.mktemp("server"))) as [running]:
        yield running


async def question(proxy: FaultProxy) -> dns.message.Message:
    query = dns.message.make_query(DOMAIN, "SOA")
    return await dns.asyncquery.tcp(query, "127.0.0.1", SECONDS, proxy.port)


async def update(proxy: FaultProxy, name: str) -> dns.message.Message:
    message = dns.update.UpdateMessage(DOMAIN)
    message.add(name, 5, "A", "10.0.0.1")
    message.use_tsig(tsig_key(KEY))
    return await dns.asyncquery.tcp(message, "127.0.0.1", SECONDS, proxy.port)


async def test_pass(proxy: FaultProxy, server: Nameserver) -> None:
    assert (await question(proxy)).answer
    assert (await update(proxy, "pass")).rcode() == dns.rcode.NOERROR
    assert data(server, f"pass.{DOMAIN}", "A") == {"10.0.0.1"}
    await proxy.until(lambda: len(proxy.answers) == 2)
    assert (len(proxy.requests), proxy.forwarded, proxy.connections) == (2, proxy.requests, 2)


async def test_drop(proxy: FaultProxy) -> None:
    """The connection stays open: the next answer on it is for the next question."""
    lost, kept = (dns.message.make_query(DOMAIN, "SOA", id=number).to_wire() for number in (1, 2))
    proxy.inject(Fault.DROP)
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    async with asyncio.timeout(SECONDS):
        for query in (lost, kept):
            writer.write(len(query).to_bytes(2, "big") + query)
        answer = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
    writer.close()
    await writer.wait_closed()
    assert answer[:2] == kept[:2]
    assert (proxy.requests, proxy.forwarded) == ([lost, kept], [kept])


async def test_delay(proxy: FaultProxy) -> None:
    proxy.inject(Delay(0.2))
    before = asyncio.get_running_loop().time()
    assert (await question(proxy)).answer
    assert asyncio.get_running_loop().time() - before >= 0.2


async def test_reset(proxy: FaultProxy) -> None:
    proxy.inject(Fault.RESET)
    with pytest.raises(ConnectionResetError):
        await question(proxy)
    assert proxy.forwarded == []


async def test_cut_request(proxy: FaultProxy, server: Nameserver) -> None:
    proxy.inject(Fault.CUT_REQUEST)
    with pytest.raises(LOST):
        await update(proxy, "cut-request")
    assert data(server, f"cut-request.{DOMAIN}", "A") == set()


@pytest.mark.parametrize("fault", [Fault.ANSWER_LOST, Fault.CUT_ANSWER])
async def test_an_answer_that_is_lost(proxy: FaultProxy, server: Nameserver, fault: Fault) -> None:
    """The update has taken effect all the same; questions meanwhile are not concerned."""
    name = fault.name.lower().replace("_", "-")
    proxy.inject(fault, dns.opcode.UPDATE)
    assert (await question(proxy)).answer
    with pytest.raises(LOST):
        await update(proxy, name)
    assert data(server, f"{name}.{DOMAIN}", "A") == {"10.0.0.1"}
    assert len(proxy.answers) == 1


async def test_duplicate(proxy: FaultProxy, server: Nameserver) -> None:
    """The second one is answered too, on the same connection."""
    before = serial(server, DOMAIN)
    query = dns.message.make_query(DOMAIN, "SOA").to_wire()
    proxy.inject(Fault.DUPLICATE)
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(len(query).to_bytes(2, "big") + query)
    async with asyncio.timeout(SECONDS):
        answers = [await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big")) for _ in "12"]
    writer.close()
    await writer.wait_closed()
    assert answers[0] == answers[1]
    assert len(proxy.forwarded) == 2
    assert serial(server, DOMAIN) == before


async def test_the_default(proxy: FaultProxy) -> None:
    proxy.default = Fault.RESET
    for _ in range(2):
        with pytest.raises(ConnectionResetError):
            await question(proxy)
    proxy.default = Fault.PASS
    assert (await question(proxy)).answer


async def test_disconnect(proxy: FaultProxy) -> None:
    """An idle connection is broken as well."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    await proxy.until(lambda: proxy.connections == 1)
    proxy.disconnect()
    async with asyncio.timeout(SECONDS):
        with pytest.raises(ConnectionResetError):
            await reader.readexactly(1)
    writer.close()


async def test_a_server_that_is_away() -> None:
    async with FaultProxy("127.0.0.1", 9) as proxy:
        with pytest.raises(LOST):
            await question(proxy)
