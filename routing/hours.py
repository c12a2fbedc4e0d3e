"""Civil time: the hall's zone, opening hours, the days that are no ordinary ones, and windows of whole days.

Owns what "open" and "in transition" mean; knows no line, pool or target.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta, timezone
from itertools import pairwise

import msgspec

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
"""China's one zone: no summer time since 1991, so a fixed offset is exact for every moment the plan speaks of."""

DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
MONDAY, SATURDAY, SUNDAY, HOLIDAYS = 0, 5, 6, 7
"""Weekdays, and after them the public holidays of hours that speak of these."""

MINUTES_A_DAY = 24 * 60
_PH = "PH"
_DAY_RANGE = re.compile(r"(Mo|Tu|We|Th|Fr|Sa|Su)(?:-(Mo|Tu|We|Th|Fr|Sa|Su))?\Z")
_SPAN = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)\Z")


class Span(msgspec.Struct, frozen=True):
    """Minutes `[opens, closes)` from the midnight on at which a weekday begins (0 is Monday; 7: a public holiday).

    `closes` lies up to a day behind 24:00: a night belongs to the day on which it begins.
    """

    weekday: int
    opens: int
    closes: int


class Hours(msgspec.Struct, frozen=True):
    """When something is open, week by week; `text` is what the admin wrote.

    `has_holidays`: the spans say when on public holidays too; else these are as Sundays.
    """

    text: str
    spans: tuple[Span, ...]
    has_holidays: bool = False


class SpecialDay(msgspec.Struct, frozen=True):
    """What makes a day another one than its weekday says: a public holiday, or else a weekend worked for one (调休)."""

    name: str
    is_holiday: bool


class Calendar(msgspec.Struct, frozen=True):
    """The special days; on every other one hours are those of its weekday."""

    days: dict[date, SpecialDay] = {}


class Window(msgspec.Struct, frozen=True):
    """Whole days `[begins, ends)`, from midnight to midnight in Shanghai."""

    begins: date
    ends: date


ALWAYS = Hours("always", tuple(Span(day, 0, MINUTES_A_DAY) for day in range(7)))
ORDINARY = Calendar()
"""No day is special."""


def milliseconds(duration: timedelta) -> int:
    """Whole ones, in which the Floor, the ledger and Asterisk count."""
    return duration // timedelta(milliseconds=1)


def civil(moment: datetime) -> datetime:
    """The same moment on Shanghai's clock.  Raises ValueError if `moment` names no zone."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment} names no time zone")
    return moment.astimezone(SHANGHAI)


def spans_on(hours: Hours, calendar: Calendar, day: date) -> tuple[Span, ...]:
    """The spans that begin on `day`: its weekday's, a Monday's (a working weekend), a Sunday's or PH's (a holiday)."""
    special = calendar.days.get(day)
    if special is None:
        weekday = day.weekday()
    elif special.is_holiday:
        weekday = HOLIDAYS if hours.has_holidays else SUNDAY
    else:
        weekday = MONDAY
    return tuple(span for span in hours.spans if span.weekday == weekday)


def is_open(hours: Hours, calendar: Calendar, moment: datetime) -> bool:
    """Whether `moment` lies within `hours`."""
    local = civil(moment)
    minute = local.hour * 60 + local.minute
    today = local.date()
    if any(span.opens <= minute < span.closes for span in spans_on(hours, calendar, today)):
        return True
    return any(minute + MINUTES_A_DAY < span.closes for span in spans_on(hours, calendar, day_before(today)))


def is_within(window: Window, moment: datetime) -> bool:
    """Whether `moment` lies within `window`: its first midnight does, its last does not."""
    return window.begins <= civil(moment).date() < window.ends


def edges_on(hours: Hours, calendar: Calendar, day: date) -> list[int]:
    """In order, the minutes of `day` at which something opens or closes: 24:00 is the next day's 0:00."""
    own = {minute for span in spans_on(hours, calendar, day) for minute in (span.opens, span.closes)}
    late = {span.closes - MINUTES_A_DAY for span in spans_on(hours, calendar, day_before(day))}
    return sorted(minute for minute in own | late if 0 <= minute < MINUTES_A_DAY)


def next_change(hours: Hours, calendar: Calendar, moment: datetime) -> datetime | None:
    """The first moment after `moment` at which `hours` open or close; None when they never do."""
    local = civil(moment).replace(second=0, microsecond=0)
    today, now_open = local.date(), is_open(hours, calendar, moment)
    # a special day can take the place of a week's only one; it takes no more than that
    for n in range(min(9 + 7 * len(calendar.days), (date.max - today).days)):
        day = today + timedelta(days=n)
        for minute in sorted({0, *edges_on(hours, calendar, day)}):
            at = datetime.combine(day, time(), SHANGHAI) + timedelta(minutes=minute)
            if at > local and is_open(hours, calendar, at) != now_open:
                return at
    return None


def runs(days: Mapping[date, object]) -> Iterator[tuple[date, date]]:
    """Days `[begins, ends)` that follow each other and are equal."""
    ordered = sorted(days)
    begins = 0
    for n, day in enumerate(ordered, 1):
        after = after_day(day)
        if ordered[n : n + 1] != [after] or days[after] != days[day]:
            yield ordered[begins], after
            begins = n


def day_before(day: date) -> date:
    """Yesterday; the calendar's first day has none but itself."""
    return date.fromordinal(max(day.toordinal() - 1, 1))


def after_day(day: date) -> date:
    """Tomorrow; the calendar's last day has none but itself."""
    return date.fromordinal(min(day.toordinal() + 1, date.max.toordinal()))


def parse_hours(text: str) -> Hours:
    """Read `always`, `Mo-Fr 08:30-17:30`, or `Mo-Fr 08:30-12:00,14:00-17:30; Sa 09:00-12:00; PH off`.

    PH are public holidays, as Sundays where it is left out.  A span that ends before it begins goes on past midnight.
    Raises ValueError, in words for the admin.
    """
    if text.strip() == "always":
        return ALWAYS
    spans: list[Span] = []
    has_holidays = False
    for rule in text.split(";"):
        named, _, times = rule.strip().partition(" ")
        days = _days(named)
        has_holidays |= HOLIDAYS in days
        if times.strip() != "off":
            spans += [_span(day, part.strip()) for day in days for part in times.split(",")]
        elif days != [HOLIDAYS]:
            raise ValueError(f"only PH can be off: leave {named} out, and it is closed then")
    ordered = sorted(spans, key=_begins)
    week = [span for span in ordered if span.weekday != HOLIDAYS]
    next_week = [Span(span.weekday + len(DAYS), span.opens, span.closes) for span in week[:1]]
    for one, two in (*pairwise([*week, *next_week]), *pairwise(ordered[len(week) :])):
        if _begins(two) < one.weekday * MINUTES_A_DAY + one.closes:
            raise ValueError(f"a span of {(*DAYS, _PH)[one.weekday]} overlaps the one after it")
    return Hours(text.strip(), tuple(ordered), has_holidays)


def _begins(span: Span) -> int:
    return span.weekday * MINUTES_A_DAY + span.opens


def _days(text: str) -> list[int]:
    found: list[int] = []
    for part in text.split(","):
        if part == _PH:
            found.append(HOLIDAYS)
            continue
        match = _DAY_RANGE.match(part)
        if match is None:
            raise ValueError(f"'{part}' is not a day or a range of days: write Mo, Mo-Fr, Mo,We or PH")
        first = DAYS.index(match[1])
        last = DAYS.index(match[2]) if match[2] else first
        found += range(first, last + 1) if last >= first else [*range(first, 7), *range(last + 1)]
    return found


def _span(day: int, text: str) -> Span:
    match = _SPAN.match(text)
    if match is None:
        raise ValueError(f"'{text}' is not a span of hours: write 08:30-17:30")
    opens, closes = (int(match[i]) * 60 + int(match[i + 1]) for i in (1, 3))
    if opens >= MINUTES_A_DAY or closes > MINUTES_A_DAY or opens == closes:
        raise ValueError(f"'{text}' is not a span of hours: the day ends at 24:00, and a span may not be empty")
    return Span(day, opens, closes if opens < closes else closes + MINUTES_A_DAY)


def parse_moment(text: str) -> datetime:
    """Read a moment on Shanghai's clock (`2021-09-15T09:00`), or with a zone of its own.  Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)).astimezone(SHANGHAI)
