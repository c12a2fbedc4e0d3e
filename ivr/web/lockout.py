"""Lock-out after repeated failures to sign in; it ends by itself.  Names that nobody has are locked like all others."""

FAILURES = 5
"""So many wrong passwords within `WINDOW_MS` lock a name for `LOCKED_MS`."""

WINDOW_MS = LOCKED_MS = 15 * 60_000
NAMES_MOST = 10_000
"""Names that are remembered; the one that failed longest ago is forgotten first."""


class Lockout:
    """Which names have failed, and when."""

    def __init__(self) -> None:
        self._failures: dict[str, list[int]] = {}

    def failed(self, name: str, now: int) -> None:
        """A wrong password for `name` (moments in ms)."""
        recent = [at for at in self._failures.pop(name, []) if at > now - WINDOW_MS]
        self._failures[name] = [*recent, now][-FAILURES:]
        while len(self._failures) > NAMES_MOST:
            del self._failures[next(iter(self._failures))]

    def locked_for(self, name: str, now: int) -> int:
        """How many ms a name is locked still; 0 when it is not."""
        failures = self._failures.get(name, [])
        return max(0, failures[-1] + LOCKED_MS - now) if len(failures) == FAILURES else 0

    def forget(self, name: str) -> None:
        """It has signed in, or was given another password."""
        self._failures.pop(name, None)
