"""Civil time: the hall's zone, opening hours, and windows of whole days.

Owns what "open" and "in transition" mean; knows no line, pool or target.
"""

import re
from datetime import date, datetime, time, timedelta, timezone
from itertools import pairwise

import msgspec

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
"""China's one zone: no summer time since 1991, so a fixed offset is exact for every moment the plan speaks of."""

DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
MINUTES_A_DAY = 24 * 60
_DAY_RANGE = re.compile(r"(Mo|Tu|We|Th|Fr|Sa|Su)(?:-(Mo|Tu|We|Th|Fr|Sa|Su))?\Z")
_SPAN = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)\Z")


class Span(msgspec.Struct, frozen=True):
    """Minutes `[opens, closes)` of one weekday (0 is Monday) in Shanghai."""

    weekday: int
    opens: int
    closes: int


class Hours(msgspec.Struct, frozen=True):
    """When something is open, week by week; `text` is what the admin wrote."""

    text: str
    spans: tuple[Span, ...]


class Window(msgspec.Struct, frozen=True):
    """Whole days `[begins, ends)`, from midnight to midnight in Shanghai."""

    begins: date
    ends: date


ALWAYS = Hours("always", tuple(Span(day, 0, MINUTES_A_DAY) for day in range(7)))


def civil(moment: datetime) -> datetime:
    """The same moment on Shanghai's clock.  Raises ValueError if `moment` names no zone."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment} names no time zone")
    return moment.astimezone(SHANGHAI)


def is_open(hours: Hours, moment: datetime) -> bool:
    """Whether `moment` lies within `hours`."""
    local = civil(moment)
    minute = local.hour * 60 + local.minute
    return any(span.weekday == local.weekday() and span.opens <= minute < span.closes for span in hours.spans)


def is_within(window: Window, moment: datetime) -> bool:
    """Whether `moment` lies within `window`: its first midnight does, its last does not."""
    return window.begins <= civil(moment).date() < window.ends


def next_change(hours: Hours, moment: datetime) -> datetime | None:
    """The first moment after `moment` at which `hours` open or close; None when they never do."""
    local = civil(moment).replace(second=0, microsecond=0)
    midnight = datetime.combine(local.date(), time(), SHANGHAI)
    now_open = is_open(hours, moment)
    for day in range(9):
        start = midnight + timedelta(days=day)
        edges = sorted({e for s in hours.spans if s.weekday == start.weekday() for e in (s.opens, s.closes)} | {0})
        for edge in edges:
            at = start + timedelta(minutes=edge)
            if at > local and is_open(hours, at) != now_open:
                return at
    return None


def parse_hours(text: str) -> Hours:
    """Read `always`, `Mo-Fr 08:30-17:30` or `Mo-Fr 08:30-12:00,14:00-17:30; Sa 09:00-12:00`.

    A span that ends before it begins goes on past midnight.  Raises ValueError, in words for the admin.
    """
    if text.strip() == "always":
        return ALWAYS
    spans: list[Span] = []
    for rule in text.split(";"):
        days, _, times = rule.strip().partition(" ")
        spans += [span for day in _days(days) for part in times.split(",") for span in _spans(day, part.strip())]
    ordered = sorted(spans, key=lambda span: (span.weekday, span.opens))
    for one, two in pairwise(ordered):
        if one.weekday == two.weekday and two.opens < one.closes:
            raise ValueError(f"two spans overlap on {DAYS[one.weekday]}")
    return Hours(text.strip(), tuple(ordered))


def _days(text: str) -> list[int]:
    found: list[int] = []
    for part in text.split(","):
        match = _DAY_RANGE.match(part)
        if match is None:
            raise ValueError(f"'{part}' is not a day or a range of days: write Mo, Mo-Fr or Mo,We")
        first = DAYS.index(match[1])
        last = DAYS.index(match[2]) if match[2] else first
        found += range(first, last + 1) if last >= first else [*range(first, 7), *range(last + 1)]
    return found


def _spans(day: int, text: str) -> list[Span]:
    match = _SPAN.match(text)
    if match is None:
        raise ValueError(f"'{text}' is not a span of hours: write 08:30-17:30")
    opens, closes = (int(match[i]) * 60 + int(match[i + 1]) for i in (1, 3))
    if opens >= MINUTES_A_DAY or closes > MINUTES_A_DAY or opens == closes:
        raise ValueError(f"'{text}' is not a span of hours: the day ends at 24:00, and a span may not be empty")
    if opens < closes:
        return [Span(day, opens, closes)]
    late = [Span(day, opens, MINUTES_A_DAY)]
    return [*late, Span((day + 1) % 7, 0, closes)] if closes else late


def parse_moment(text: str) -> datetime:
    """Read a moment on Shanghai's clock (`2021-09-15T09:00`), or with a zone of its own.  Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)).astimezone(SHANGHAI)
