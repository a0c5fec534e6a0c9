"""Releases, measured through all of Rollcall: switches, shares of answers, and what weights cost.

`python -m bench --only releases`. Without CoreDNS: it has neither versions nor weights.
"""
