"""Answers to secondaries: SOA, AXFR and IXFR over UDP and TCP (RFC 5936, RFC 1995), signed as they asked.

A request is read and its signature checked (`access`); it is answered or refused (`responder`, `refusals`),
by one message (`request`) or a stream of them (`stream`, `render`). `udp` and `tcp` are the sockets.
"""
