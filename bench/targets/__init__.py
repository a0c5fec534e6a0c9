"""Zones carried by other servers, measured through all of Rollcall: real BIND, Knot and CoreDNS, a real API.

`python -m bench --only targets`. Beside updates of ours, in the same minutes: the floor, a bare signed UPDATE
to the same server.
"""
