"""Answers to secondaries: SOA, AXFR and IXFR over UDP and TCP (RFC 5936, RFC 1995), signed with TSIG."""
