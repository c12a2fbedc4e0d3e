"""When citizens may be called back, how often, and how many at once.  Pure."""

from datetime import datetime, timedelta

import msgspec

from routing.hours import SHANGHAI
from routing.ids import Instant


class Terms(msgspec.Struct, frozen=True):
    """How citizens are called back, if `on`: a try so long `after` a task's beginning, each.

    Nobody is called before `opens` nor from `closes` on: time since midnight, Asia/Shanghai.  `ring_for`: the citizen's
    phone.  At most `at_once` of them.
    """

    on: bool = False
    after: tuple[timedelta, ...] = (timedelta(minutes=5), timedelta(minutes=30), timedelta(minutes=120))
    opens: timedelta = timedelta(hours=8)
    closes: timedelta = timedelta(hours=21)
    ring_for: timedelta = timedelta(seconds=30)
    at_once: int = 5

    def is_open(self, now: Instant) -> bool:
        """Whether citizens may be called at this moment."""
        return self.opens <= _clock(now) < self.closes


USUAL = Terms()


def due(terms: Terms, since: Instant, tries: int, now: Instant | None = None) -> Instant | None:
    """When a task that began at `since` is tried again after so many; None: it has been tried often enough."""
    if tries >= len(terms.after):
        return None
    at = max(since + terms.after[tries] // _MS, now or 0)
    clock = _clock(Instant(at))
    midnight = at - clock // _MS
    if clock < terms.opens:
        at = midnight + terms.opens // _MS
    elif clock >= terms.closes:
        at = midnight + (timedelta(days=1) + terms.opens) // _MS
    return Instant(at)


_MS = timedelta(milliseconds=1)


def _clock(at: Instant) -> timedelta:
    """Time since midnight in Shanghai."""
    civil = datetime.fromtimestamp(at / 1000, SHANGHAI)
    return civil - civil.replace(hour=0, minute=0, second=0, microsecond=0)
