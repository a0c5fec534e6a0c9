"""From the control process to its children, over a unix socket: the state of all zones, then each change.

`feed` is the side of the control process, `follower` that of a child, `frames` is what they say. `child` is
how a child starts and ends.
"""
