"""The SOA of our zones: how secondaries are to behave."""

from rollcall.dnswire import rdata as rd

REFRESH_SECONDS = 5
RETRY_SECONDS = 5
EXPIRE_SECONDS = 7 * 24 * 3600
"""A secondary goes on answering for a week without its primary: old answers beat none."""


def soa_data(mname: bytes, rname: bytes, serial: int, negative_ttl_seconds: int) -> bytes:
    """Return the data of the SOA; MINIMUM is the negative ttl (RFC 2308 section 4)."""
    times = (REFRESH_SECONDS, RETRY_SECONDS, EXPIRE_SECONDS, negative_ttl_seconds)
    return rd.soa(mname, rname, serial, times)
