"""A clock that stands still until it is told to go on."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from routing.ids import Instant

SHANGHAI = ZoneInfo("Asia/Shanghai")
SEPTEMBER = Instant(1_631_667_600_000)  # 2021-09-15T09:00 in Shanghai


class ManualClock:
    """All three clocks show the same moment; `passes` moves it."""

    def __init__(self, start: Instant = SEPTEMBER) -> None:
        self.now = start

    def passes(self, milliseconds: int) -> None:
        self.now = Instant(self.now + milliseconds)

    def instant(self) -> Instant:
        return self.now

    def civil(self) -> datetime:
        return self.real().astimezone(SHANGHAI)

    def real(self) -> datetime:
        return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=self.now)
