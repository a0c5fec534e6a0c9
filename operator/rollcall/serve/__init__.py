"""The embedded authoritative server.

The control process holds a `feed.Feed` and writes snapshots; each serving process (`worker`) follows the
feed and answers. The two sides share `frames` and nothing else. This package imports nothing by itself: a
worker must start in a fraction of a second, without the Kubernetes side of the program in its memory.
"""
