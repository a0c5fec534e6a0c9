"""Who gets nothing, and what nobody can do to the others: the process at its limits."""

import contextlib
from collections.abc import AsyncIterator
from functools import partial
from random import Random

import dns.message
import dns.rcode
import dns.xfr
import msgspec
import pytest

from nameservers.asking import tsig_key
from rollcall.model import KeyRing
from rollcall.publish.transfer.answering.tcp import TransferLimits
from transfers.client import Copy, datagram, exchange, expected
from transfers.running import KEY_TEXT, OTHER_TEXT, Primary, TransferProcess, key, primary, settings
from transfers.source import ZoneSource

SOA = dns.message.make_query("k8s.example.com", "SOA").to_wire()


@contextlib.asynccontextmanager
async def serving(process: TransferProcess, *allowed: str) -> AsyncIterator[tuple[Primary, ZoneSource]]:
    source = ZoneSource()
    async with primary(process.feed_path, source) as control:
        await control.start(settings(source, allow_unsigned=allowed))
        yield control, source


@pytest.mark.parametrize("key_text", [None, OTHER_TEXT])
async def test_a_stranger(process: TransferProcess, key_text: str | None):
    async with serving(process) as (control, _):
        with pytest.raises((dns.xfr.TransferError, dns.exception.DNSException)):
            await Copy(key=key_text).update(process.where)
        answer = dns.message.from_wire(datagram(process.where, SOA))
        assert answer.rcode() == dns.rcode.REFUSED
        await control.control.until(lambda: sum(control.control.transfers.refused.values()) == 2)
        reason = "bad-key" if key_text else "unsigned"
        assert control.control.transfers.refused[reason]
        assert f"127.0.0.1: {reason}" in process.log


async def test_networks(process: TransferProcess):
    """Only those that are named, and nothing else changes for who signs."""
    async with serving(process, "127.0.0.0/8") as (control, source):
        await Copy(key=None).update(process.where)
        control.feed.configure(settings(source, allow_unsigned=["10.0.0.0/8", "2001:db8::/32", "no network"]))
        await control.publish(source.flip(Random(1)))
        with pytest.raises(dns.xfr.TransferError):
            await Copy(key=None).update(process.where)
        await Copy().update(process.where)


async def test_a_rotation(process: TransferProcess):
    """Both keys are taken, and each answer is signed with its request's; then the old one isn't any more."""
    async with serving(process) as (control, source):
        control.feed.configure(settings(source, ring=KeyRing(key(OTHER_TEXT), key(KEY_TEXT))))
        await control.publish(source.flip(Random(1)))
        for text in (OTHER_TEXT, KEY_TEXT):
            copy = Copy(key=text)
            await copy.update(process.where)
            assert copy.records == expected(source)
        control.feed.configure(settings(source, ring=KeyRing(key(OTHER_TEXT))))
        await control.publish(source.flip(Random(2)))
        await Copy(key=OTHER_TEXT).update(process.where)
        with pytest.raises(dns.exception.DNSException):
            await Copy(key=KEY_TEXT).update(process.where)


async def test_only_the_leader(process: TransferProcess):
    async with serving(process) as (control, source):
        copy = Copy()
        await copy.update(process.where)
        control.feed.configure(settings(source, leading=False))
        await control.publish(source.flip(Random(1)))
        with pytest.raises(dns.xfr.TransferError):
            await copy.update(process.where)
        control.feed.configure(settings(source))
        await control.publish(source.flip(Random(2)))
        await copy.update(process.where)
        assert copy.records == expected(source)
        await control.control.until(lambda: control.control.transfers.transfers == {"axfr": 1, "ixfr": 1})


async def test_before_anything_is_known(process: TransferProcess):
    """SERVFAIL, which makes a secondary try again; also once it is known who may ask."""

    async def rcode() -> int:
        with contextlib.suppress(ConnectionError):
            wires = await exchange(process.where, SOA)
            return dns.message.from_wire(wires[0]).rcode()
        return -1

    assert await rcode() == dns.rcode.SERVFAIL
    source = ZoneSource()
    async with primary(process.feed_path, source) as control:
        control.feed.configure(settings(source, allow_unsigned=["127.0.0.1"]))
        await control.control.until(lambda: 0 in control.control.workers)
        assert await rcode() == dns.rcode.SERVFAIL
        await control.publish()
        assert await rcode() == dns.rcode.NOERROR


async def test_junk_ends_nothing(process: TransferProcess):
    random = Random(1)
    async with serving(process, "127.0.0.1") as (_, source):
        signed = dns.message.make_query("k8s.example.com", "SOA")
        signed.use_tsig(tsig_key())
        whole = signed.to_wire()
        for number in range(300):
            wire = bytearray(whole if number % 2 else SOA)
            for _ in range(random.randrange(1, 8)):
                wire[random.randrange(len(wire))] = random.randrange(256)
            wire[2] &= 0x7F
            junk = bytes(wire[: random.randrange(12, len(wire) + 1)])
            assert datagram(process.where, junk)[:2] == junk[:2]
            if number % 10 == 0:
                await exchange(process.where, junk, random.randbytes(random.randrange(40)))
        copy = Copy()
        await copy.update(process.where)
        assert copy.records == expected(source)


async def test_a_request_that_is_too_long(process: TransferProcess):
    async with serving(process, "127.0.0.1") as (control, _):
        assert await exchange(process.where, SOA, bytes(TransferLimits().request + 1), SOA) != []
        await control.control.until(lambda: control.control.transfers.refused.get("too-long") == 1)


async def test_malformed_signatures_fill_no_log(process: TransferProcess):
    """They are counted, and said once; also where there is no key that they could be of."""
    async with serving(process, "127.0.0.1") as (control, source):
        signed = dns.message.make_query("k8s.example.com", "SOA")
        signed.use_tsig(tsig_key())
        wire = bytearray(signed.to_wire())
        wire[wire.index(b"\x0bhmac-sha256")] = 0xFF  # a label of no type there is
        usual = settings(source)
        without_keys = msgspec.structs.replace(usual, keys={})
        for number, each in enumerate((usual, without_keys), 1):
            control.feed.configure(each)
            await control.publish()
            for _ in range(50):
                answer = dns.message.from_wire(datagram(process.where, bytes(wire)))
                assert answer.rcode() == dns.rcode.FORMERR
            await control.control.until(partial(is_counted, control, 50 * number))
        assert 1 <= process.log.count("malformed") < 10  # a minute may have passed


def is_counted(control: Primary, number: int) -> bool:
    return control.control.transfers.refused.get("malformed") == number
