"""Lock-out after repeated failures to sign in, by password or by PIN; it ends by itself, and outlives a restart.

Names that nobody has are locked like all others.
"""

import logging

import msgspec

from ivr import kept
from ivr.edge.protocols import Disk
from ivr.errors import DiskError

log = logging.getLogger(__name__)

FAILURES = 5
"""So many wrong passwords within `WINDOW_MS` lock a name for `LOCKED_MS`."""

WINDOW_MS = LOCKED_MS = 15 * 60_000
NAMES_MOST = 10_000
"""Names that are remembered; the one that failed longest ago is forgotten first."""

LINES_MOST = 2 * NAMES_MOST
"""Then the file is written anew, with what still counts."""


class Failed(msgspec.Struct, frozen=True):
    """When a name has failed, ms; never: it has signed in since."""

    name: str
    at: tuple[int, ...]


class Lockout:
    """Which names have failed, and when."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._failures: dict[str, tuple[int, ...]] = {}
        for each in kept.values(disk, Failed, "lock-out"):
            self._know(each)
        self._lines = LINES_MOST

    def failed(self, name: str, now: int) -> None:
        """A wrong password for `name` (moments in ms)."""
        recent = [at for at in self._failures.get(name, ()) if at > now - WINDOW_MS]
        self._keep(Failed(name, (*recent, now)[-FAILURES:]))

    def locked_for(self, name: str, now: int) -> int:
        """How many ms a name is locked still; 0 when it is not."""
        failures = self._failures.get(name, ())
        return max(0, failures[-1] + LOCKED_MS - now) if len(failures) == FAILURES else 0

    def forget(self, name: str) -> None:
        """It has signed in, or was given another password."""
        if name in self._failures:
            self._keep(Failed(name, ()))

    def _know(self, failed: Failed) -> None:
        self._failures.pop(failed.name, None)
        if failed.at:
            self._failures[failed.name] = failed.at
        while len(self._failures) > NAMES_MOST:
            del self._failures[next(iter(self._failures))]

    def _keep(self, failed: Failed) -> None:
        """A disk that refuses keeps nobody from signing in: then the lock lasts until the next restart."""
        self._know(failed)
        try:
            if self._lines >= LINES_MOST:
                self._disk.replace([kept.line(Failed(name, at)) for name, at in self._failures.items()])
                self._lines = len(self._failures)
            else:
                self._disk.append(kept.line(failed) + b"\n")
                self._lines += 1
        except DiskError as fault:
            log.error("lock-out: %s; it lasts until the next restart", fault)  # noqa: TRY400 - says all
