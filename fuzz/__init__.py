"""Any octets at all, at every place where Rollcall reads what somebody else has written.

`make fuzz`, or `python -m fuzz --help`. A target is one such place: what it is fed, and what holds whatever
that is. `corpus/` has inputs that showed something new once; the unit tier feeds them all.
"""
