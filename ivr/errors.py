"""Everything that can be raised on purpose, in one tree.

Exception
└── HotlineError
    ├── StoreError          the database cannot be reached, or refuses
    ├── DiskError           a file of ours cannot be read or written
    │   └── DiskFull        no space, no quota, or the file's own bound
    └── JournalError        the journal is not what it should be: another node's, or open elsewhere
"""


class HotlineError(Exception):
    """Root of what this program raises on purpose."""


class StoreError(HotlineError):
    """The database cannot be reached, or refuses.  The journal keeps what it would have held."""


class DiskError(HotlineError):
    """A file of ours cannot be read or written; says which, and why."""


class DiskFull(DiskError):
    """No space is left, or no quota."""


class JournalError(HotlineError):
    """The journal is not what it should be: another node's, or open elsewhere."""
