"""The real clocks: the only place that asks the operating system what time it is."""

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from routing.ids import Instant

SHANGHAI = ZoneInfo("Asia/Shanghai")


class SystemClock:
    """The three clocks of `protocols.Clock`, read from the machine.

    `at` (without a zone: Shanghai's) rehearses another moment: the civil clock shows it when the instant is `since`
    (default: now) and goes on from there.  A controller that restarts in a rehearsal is given the same pair, so that
    its day does not begin again.
    """

    def __init__(self, at: datetime | None = None, since: Instant | None = None) -> None:
        """Anchor the instant to UTC; later steps of the machine's clock do not reach it."""
        self._anchor_ns = time.time_ns() - time.monotonic_ns()
        self._ahead = timedelta()
        if at is not None:
            begun = self.instant() if since is None else since
            moment = at if at.tzinfo is not None else at.replace(tzinfo=SHANGHAI)
            self._ahead = moment - _utc(begun)

    def instant(self) -> Instant:
        """Milliseconds UTC: anchored at start, monotonic since."""
        return Instant((self._anchor_ns + time.monotonic_ns()) // 1_000_000)

    def civil(self) -> datetime:
        """Now in Asia/Shanghai, as rehearsed."""
        return (_utc(self.instant()) + self._ahead).astimezone(SHANGHAI)

    def real(self) -> datetime:
        """Now in UTC as the machine has it this moment, never rehearsed."""
        return datetime.now(UTC)


def _utc(instant: Instant) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=instant)
