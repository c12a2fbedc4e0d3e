"""How long somebody will wait, from what has lately left the queue; and in which words it is said.

Two estimates, rivals: the position divided by the departures a second of the last ten minutes, and the wait of whoever
was served last.  With too few departures nothing is known, and no time is said.
"""

from collections import deque
from enum import StrEnum

import msgspec

from routing.ids import Instant, PromptId
from routing.tickets import Ladder, Requirement, Rung

WINDOW_MS = 600_000
"""Departures count for so long."""

LEAST_DEPARTURES = 5
"""With fewer in the window nothing is estimated."""

MINUTE_MS = 60_000


class Estimator(StrEnum):
    """Whose word callers hear; `none`: they hear no time."""

    DEPARTURES = "departures"
    LAST = "last"
    NONE = "none"

    @property
    def decides(self) -> "Estimator":
        """By whose word it is decided where a long wait leads: what callers are not told is expected all the same."""
        return Estimator.DEPARTURES if self is Estimator.NONE else self


class Estimate(msgspec.Struct, frozen=True):
    """What is expected of a wait that goes on: from the position, 1 being next, and by each estimator."""

    position: int
    by_departures_ms: int | None = None
    by_last_ms: int | None = None

    def of(self, estimator: Estimator) -> int | None:
        """What this one says."""
        if estimator is Estimator.NONE:
            return None
        return self.by_departures_ms if estimator is Estimator.DEPARTURES else self.by_last_ms


class _Served:
    """Of one requirement: when tickets left it for an agent, and how long the last of them had waited."""

    __slots__ = ("last_wait_ms", "moments")

    def __init__(self) -> None:
        self.moments: deque[Instant] = deque()
        self.last_wait_ms = 0

    def count(self, now: Instant) -> int:
        while self.moments and self.moments[0] <= now - WINDOW_MS:
            self.moments.popleft()
        return len(self.moments)


class Flow:
    """The departures of each requirement."""

    def __init__(self) -> None:
        self._served: dict[Requirement, _Served] = {}  # the latest served last

    def departed(self, requirement: Requirement, waited_ms: int, now: Instant) -> None:
        """A ticket has gone from here to an agent who answered."""
        served = self._served.pop(requirement, None) or _Served()
        served.moments.append(now)
        served.last_wait_ms = waited_ms
        self._served[requirement] = served
        eldest = next(iter(self._served))
        if not self._served[eldest].count(now):
            del self._served[eldest]

    def expected(self, requirement: Requirement, position: int, now: Instant) -> Estimate:
        """How long a ticket at `position` among those with this requirement will still wait."""
        return self.along((Rung(requirement),), position, now)

    def along(self, ladder: Ladder, position: int, now: Instant) -> Estimate:
        """How long one more will wait who comes with this ladder, at `position` among all who are on it.

        They are one line, from which tickets go to agents on whichever rung they are by then.
        """
        rungs = [self._served.get(common) for common in dict.fromkeys(rung.requirement.common for rung in ladder)]
        served = [each for each in rungs if each is not None and each.count(now)]
        count = sum(len(each.moments) for each in served)
        if count < LEAST_DEPARTURES:
            return Estimate(position)
        last = max(served, key=lambda each: each.moments[-1])
        return Estimate(position, position * WINDOW_MS // count, last.last_wait_ms)


POSITIONS = ((1, PromptId("position-next")), (5, PromptId("position-5")), (10, PromptId("position-10")))
BEYOND_POSITIONS = PromptId("position-more")
WAITS = tuple((minutes * MINUTE_MS, PromptId(f"wait-{minutes}")) for minutes in (1, 3, 5, 10))
BEYOND_WAITS = PromptId("wait-more")

ANNOUNCEMENTS = (*(prompt for _, prompt in (*POSITIONS, *WAITS)), BEYOND_POSITIONS, BEYOND_WAITS)
"""Every prompt that is said of a place in the queue."""


def words(estimate: Estimate, estimator: Estimator, *, with_position: bool = True) -> tuple[PromptId, ...]:
    """Position and wait in bands: an exact figure would be wrong in a moment."""
    said: list[PromptId] = []
    if with_position:
        said.append(next((prompt for most, prompt in POSITIONS if estimate.position <= most), BEYOND_POSITIONS))
    wait_ms = estimate.of(estimator)
    if wait_ms is not None:
        said.append(next((prompt for most, prompt in WAITS if wait_ms < most), BEYOND_WAITS))
    return tuple(said)
