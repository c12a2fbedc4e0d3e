"""Windows of time for reports: days, months or minutes by Shanghai's clock, half-open, without gaps."""

from datetime import datetime, timedelta
from enum import StrEnum

from routing.hours import civil, parse_moment

MOST = 10_000
"""Windows in one report: a month of 5 minutes has 8,928."""

ROLLING = timedelta(hours=24)
"""The plan's window: any continuous 24 hours."""


class Every(StrEnum):
    """How long a window is."""

    FIVE_MINUTES = "5m"
    QUARTER = "15m"
    HALF_HOUR = "30m"
    HOUR = "1h"
    DAY = "day"
    MONTH = "month"


_STRIDE = {
    Every.FIVE_MINUTES: timedelta(minutes=5),
    Every.QUARTER: timedelta(minutes=15),
    Every.HALF_HOUR: timedelta(minutes=30),
    Every.HOUR: timedelta(hours=1),
    Every.DAY: timedelta(days=1),
}


def period(since: str, until: str, now: datetime) -> tuple[datetime, datetime]:
    """From text: from midnight and until now, where nothing is said.  Raises ValueError, in words for whoever asked."""
    begins = _moment(since) if since else civil(now).replace(hour=0, minute=0, second=0, microsecond=0)
    ends = _moment(until) if until else civil(now)
    if ends <= begins:
        raise ValueError(f"a report from {begins:%Y-%m-%d %H:%M} until {ends:%Y-%m-%d %H:%M} has no time in it")
    return begins, ends


def starts(begins: datetime, ends: datetime, every: Every | None) -> tuple[datetime, ...]:
    """Where each window of `[begins, ends)` begins; the first may be cut by `begins`, as the last is by `ends`.

    Raises ValueError when they are more than `MOST`.
    """
    found = [civil(begins)]
    while every is not None and (at := _next(found[-1], every)) < ends:
        found.append(at)
        _demand_few(len(found), every)
    return tuple(found)


def cells(begins: datetime, ends: datetime) -> tuple[tuple[datetime, ...], int]:
    """What rolling windows are added up from: 5 minutes each, and how many of them are a window of 24 hours.

    The last window ends at `ends`, each one before it 5 minutes earlier, and the first after `begins`.
    """
    step = _STRIDE[Every.FIVE_MINUTES]
    width, windows = ROLLING // step, -((begins - ends) // step)
    _demand_few(windows, Every.FIVE_MINUTES)
    return tuple(civil(ends) - n * step for n in range(windows - 1 + width, 0, -1)), width


def _demand_few(windows: int, every: Every) -> None:
    if windows > MOST:
        raise ValueError(f"that is more than {MOST} windows of {every}: ask for less time, or for longer windows")


def _next(at: datetime, every: Every) -> datetime:
    """The first beginning of such a window after `at`."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    if every is Every.MONTH:
        return (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)
    stride = _STRIDE[every]
    return midnight + ((at - midnight) // stride + 1) * stride


def _moment(text: str) -> datetime:
    try:
        return parse_moment(text)
    except (ValueError, OverflowError) as fault:
        raise ValueError(f"{text!r} is not a moment: write 2021-09-15, or 2021-09-15T09:00") from fault
