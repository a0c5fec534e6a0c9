"""A DNS server without sockets: Rollcall's own, with the shop's services in its zone."""

from random import Random

import dns.message

from rollcall.cli.ask import Nameserver
from rollcall.directory import Directory
from rollcall.feed.frames import Stats
from rollcall.serve.answers import Answers
from rollcall.serve.responder import Respond, Responder
from rollcall.serve.table import Table
from rollcall.zone import Installation, Zones
from unit.world import Answer, pod, resource, service, zone

CLIENT = ("127.0.0.1", 5353)


def answers() -> Answers:
    """Answer for k8s.example.com and its reverse zone: web with three of five pods ready, api with none."""
    directory = Directory()
    directory.apply_service(service("web"))
    directory.apply_service(service("api", selector={"app": "api"}))
    directory.apply_resource(resource("web", answer=Answer(count=2)))
    for number in range(5):
        addresses = (f"10.1.0.{10 + number}", *(("2001:db8::10",) if not number else ()))
        version = {"app": "web", "app.kubernetes.io/version": "v2" if number == 2 else "v1"}
        directory.apply_pod(pod(f"web-{number}", addresses=addresses, labels=version, ready=number < 3))
    zones = Zones(directory, Installation("rollcall"))
    zones.apply_zone(
        zone("internal", "k8s.example.com", owner="rollcall", reverse_domains=("1.10.in-addr.arpa",))
    )
    zones.place(directory.take_changes())
    while zones.place_backlog(10):
        pass
    zones.commit(1767268800)
    table = Table()
    for delta in zones.full_deltas():
        table.apply_delta(delta)
    made = Answers(Random(1))  # the same answers in every run
    made.replace_table(table)
    return made


class NameServer:
    """Takes the place of the sockets in `rollcall.cli.ask`; `unready` answers SERVFAIL, as before a sync."""

    def __init__(self, *, unready: bool = False) -> None:
        source = Answers(Random(1)) if unready else answers()
        self.over_udp: Respond = Responder(source, Stats(), tcp=False).respond
        self.over_tcp: Respond = Responder(source, Stats(), tcp=True).respond
        self.asked: list[str] = []
        self.down = False

    async def udp(self, server: Nameserver, query: dns.message.QueryMessage) -> dns.message.Message:
        """Answer as over UDP."""
        return self._answer(self.over_udp, server, query)

    async def tcp(self, server: Nameserver, query: dns.message.QueryMessage) -> dns.message.Message:
        """Answer as over TCP."""
        return self._answer(self.over_tcp, server, query)

    def _answer(
        self, respond: Respond, server: Nameserver, query: dns.message.QueryMessage
    ) -> dns.message.Message:
        if self.down:
            raise ConnectionRefusedError(111, "Connection refused")
        self.asked.append(f"{server} {query.question[0].to_text()}")
        response = respond(query.to_wire(), CLIENT)
        assert response is not None
        return dns.message.from_wire(response)
