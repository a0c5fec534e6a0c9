"""What Rollcall claims about its speed, measured, with CoreDNS beside it on the same API server.

`make bench`, or `python -m bench --help`. How each figure is made, and what misleads: README.md.
"""
