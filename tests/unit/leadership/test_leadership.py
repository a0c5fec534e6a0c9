"""What one replica alone does, and what it does first. In virtual time; without a Lease, so that we lead."""

import asyncio

import pytest

from rollcall.config import Config
from rollcall.kube.errors import Unreachable
from rollcall.leadership import leadership as module
from rollcall.leadership.leadership import SERIALS_RETRY_SECONDS, Leadership
from rollcall.leadership.no_election import RESTART_SECONDS
from unit.leadership.lease_server import LeaseClient, LeaseServer
from unit.running import running

pytestmark = pytest.mark.looptime

APEX = b"\x07example\x03com\x00"


class Term:
    """A term of ours, and what stands for the zones: `told` is what they and the duties heard, in order."""

    def __init__(self, monkeypatch, tmp_path, leases=None, **options):
        self.told = []
        self.refusals = 0
        monkeypatch.setattr(module, "previous_leader_serials", self.known_serials)
        self.leadership = Leadership(
            Config(tmp_path, tmp_path, **options), self, leases, self, lambda: self.told.append("commit")
        )

    async def known_serials(self, client):
        if self.refusals:
            self.refusals -= 1
            raise Unreachable("nobody there")
        return {APEX: (7, 42)}

    def resume(self, apex, serial, digest):
        self.told.append((apex, serial, digest))


class Duty:
    def __init__(self, term, error=None):
        self.term = term
        self.error = error

    async def run(self):
        self.term.told.append("begun")
        try:
            await asyncio.sleep(1.0)
            if self.error is not None:
                raise self.error
            await asyncio.get_running_loop().create_future()
        finally:
            self.term.told.append("ended")


@pytest.fixture
def term(monkeypatch, tmp_path):
    return Term(monkeypatch, tmp_path)


FIRST = [(APEX, 7, 42), "commit"]


async def test_serials_are_taken_over_before_anything_is_written(term):
    async with running(term.leadership.run(Duty(term).run, Duty(term).run)):
        await asyncio.sleep(0.1)
        assert term.told == [*FIRST, "begun", "begun"]
        assert term.leadership.elector.leading
    assert term.told[4:] == ["ended", "ended"]


async def test_nothing_begins_while_the_last_serials_are_unknown(term):
    term.refusals = 3
    async with running(term.leadership.run(Duty(term).run)):
        await asyncio.sleep(2.5 * SERIALS_RETRY_SECONDS)
        assert not term.told
        await asyncio.sleep(SERIALS_RETRY_SECONDS)
        assert term.told == [*FIRST, "begun"]


async def test_a_duty_that_breaks_is_begun_anew_with_the_others(term):
    async with running(term.leadership.run(Duty(term, KeyError("a defect")).run, Duty(term).run)):
        await asyncio.sleep(1.1)
        assert term.told == [*FIRST, "begun", "begun", "ended", "ended"]
        term.told.clear()
        await asyncio.sleep(RESTART_SECONDS)
        assert term.told[:4] == [*FIRST, "begun", "begun"]


async def test_the_lease_is_renewed_over_a_client_of_its_own(monkeypatch, tmp_path):
    """What the duties ask of the other one may wait for answers, in any number."""
    server = LeaseServer()
    leases = LeaseClient(server)
    options = {"leader_elect": True, "operator_namespace": "rollcall-system"}
    term = Term(monkeypatch, tmp_path, leases, **options)
    async with running(term.leadership.run(Duty(term).run)):
        await asyncio.sleep(60)
        assert term.leadership.elector.leading
        assert term.leadership.elector.terms == 1
    assert term.told == [*FIRST, "begun", "ended"]
    assert len(server.history) > 10, "it is renewed all the time"
