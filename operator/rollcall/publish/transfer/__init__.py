"""Zones for secondaries: a hidden primary with AXFR, IXFR and NOTIFY, in a process of its own."""
