"""What can be wrong with what is on disk, besides what the disk itself says (OSError).

DiskError
├── Unusable      a file: no file, no file of ours, damaged, of another kind or version
│   └── Foreign   another owner's
└── FolderInUse   a folder: another process has it
"""


class DiskError(Exception):
    """The root of this tree."""


class Unusable(DiskError):
    """A file can't be used. The message goes on after its name: "is damaged …"."""


class Foreign(Unusable):
    """A file is whole, and another installation's or another cluster's."""


class FolderInUse(DiskError):
    """Another process has the folder to itself. The message says which, and what to do."""
