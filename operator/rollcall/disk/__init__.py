"""Everything that we keep on disk: one format, one lock, and what becomes of a file that can't be used.

The words
---------
owner        Who wrote a file: an installation (`--identity`) in a cluster. What is another's is not read.
whole file   Written at once, beside the old one, and in its place when it is complete (`atomic_file`).
journal      Goes on after its beginning: each frame at its end counts as soon as it is there.
set aside    What can't be used is renamed and said: it isn't read again, and can be looked at.
holder       The process that has a folder to itself: the lock ends with it, and with the children that
             have inherited it.

No file ends a process: whoever reads one catches `OSError` and `Unusable`, and goes on without it.
"""
