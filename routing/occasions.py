"""Every way in which a call can come, and every moment at which what happens to it can change.

Knows what `routing.plan` looks at, so that proofs and comparisons ask at all of it and at nothing twice.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from routing.arrival import Arrival, arrived
from routing.config.site import Config
from routing.hours import ALWAYS, HOLIDAYS, MINUTES_A_DAY, SHANGHAI, Calendar, Hours, edges_on, runs
from routing.ids import PoolId, TargetId
from routing.lines import Line
from routing.numbers import EMERGENCY

SECOND = timedelta(seconds=1)
WEEK = timedelta(days=7)
SOME_WEEK = date(2021, 9, 13)
"""Hours repeat: for a number without a day of its own any week will do, its special days left out."""

REASONS = ("", "unconditional", "no-answer")
"""Not said; the carrier forwards the whole number; the line's own seats passed the call on, for whatever reason."""

STRANGER = "13900000000"
UNKNOWN = "99999"


def arrivals(config: Config) -> list[tuple[Arrival, str]]:
    """Each way of arriving, with words for it; ways that no decision tells apart stand here once.

    Of a call forwarded by a line the dialled number says nothing more: the first dialled line is meant.
    """
    found: dict[tuple[str, bool, tuple[str, ...], str, str], tuple[Arrival, str]] = {}
    for arrival, words in _arrivals(config):
        key = (arrival.number, arrival.recognised, arrival.chain, arrival.caller, arrival.reason)
        found.setdefault(key, (arrival, words))
    return list(found.values())


def _arrivals(config: Config) -> Iterator[tuple[Arrival, str]]:
    hall = config.site.number
    for line in config.lines.values():
        number = line.number
        yield arrived(config, number, []), "direct"
        for reason in REASONS if number != hall else ():
            yield arrived(config, hall, [(number, reason)]), f"diverted from {number}" + (reason and f" ({reason})")
        yield arrived(config, number, [(STRANGER, "")]), "diverted from a number that nobody knows"
        for desk in EMERGENCY:
            yield arrived(config, number, [], "", desk), f"from {desk}"
            yield arrived(config, number, [(desk, "")]), f"diverted from {desk}"
        for language in config.site.languages.values():
            for listed in language.callers[:1]:
                yield arrived(config, number, [], "", listed), f"from who is to be answered in {language.name}"
        for target in _targets(config, line):
            yield arrived(config, number, [(target, "")]), f"diverted from {target}, where the line leads"
            yield arrived(config, number, [], "", target), f"from {target}, where the line leads"
            yield arrived(config, hall, [(target, "")]), f"sent to us by {target}"
            yield arrived(config, hall, [(number, ""), (target, "")]), f"diverted from {number}, then from {target}"
    for number in (UNKNOWN, *EMERGENCY):
        yield arrived(config, number, []), "direct"


def _targets(config: Config, line: Line) -> Iterator[str]:
    for name in (line.target, *line.fallback):
        target = config.site.targets.get(TargetId(name)) if name else None
        number = config.site.dialled(target) if target else None
        if number is not None:
            yield number


def line_of(config: Config, number: str) -> Line:
    """The line that answers for `number`."""
    return config.lines.get(number, config.lines[config.site.number])


def days(line: Line) -> list[date]:
    """The days on which the line changes by itself."""
    window = line.transition
    turns = {line.cancel_on} | ({window.begins, window.ends} if window else set())
    return sorted(day for day in turns if day is not None)


def hours(config: Config, line: Line) -> list[Hours]:
    """The hours of every place that the line leads to."""
    site = config.site
    names = dict.fromkeys(name for name in (line.pool, line.target, *line.fallback) if name)
    pools = [site.pools[PoolId(name)].hours for name in names if name in site.pools]
    return pools + [site.targets[TargetId(name)].hours for name in names if name in site.targets]


def edges(hours_: Hours) -> set[tuple[int, int]]:
    """Weekday and minute at which something opens or closes in an ordinary week: 24:00 is the next day's 0:00."""
    week = (span for span in hours_.spans if span.weekday != HOLIDAYS)
    found = {(span.weekday, minute) for span in week for minute in (span.opens, span.closes)}
    return {((day + minute // MINUTES_A_DAY) % 7, minute % MINUTES_A_DAY) for day, minute in found}


def moments(config: Config, number: str) -> tuple[datetime, ...]:
    """Just before, at and just after everything that changes for `number`.

    A week of hours in each of its phases, and each run of special days that makes a difference, the day after included.
    """
    line, calendar = line_of(config, number), config.site.calendar
    own, theirs = days(line), hours(config, line)
    weekly = {edge for each in theirs for edge in edges(each)}
    points = {_midnight(day) for day in own}
    starts = [_shifted(_midnight(own[0]), -WEEK), *map(_midnight, own)] if own else [_midnight(SOME_WEEK)]
    for start, end in pairwise([*starts, datetime.max.replace(tzinfo=SHANGHAI)]):
        points.add(start)
        points |= {at for edge in weekly if (at := next_time(calendar, start, *edge)) < end}
    points |= {at for both in runs(calendar.days) for day in both for at in special(calendar, theirs, day)}
    return tuple(sorted({_shifted(point, by) for point in points for by in (-SECOND, timedelta(0), SECOND)}))


def special(calendar: Calendar, theirs: Iterable[Hours], day: date) -> list[datetime]:
    """What opens or closes on `day`, its midnight included; nothing where all of it is always open."""
    changing = [each for each in theirs if each != ALWAYS]
    minutes = sorted({minute for each in changing for minute in (0, *edges_on(each, calendar, day))})
    return [_shifted(_midnight(day), timedelta(minutes=minute)) for minute in minutes]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI)


def next_time(calendar: Calendar, start: datetime, weekday: int, minute: int) -> datetime:
    """The first time from `start` (a midnight) on that it is `minute` of `weekday`, on an ordinary day."""
    at = _shifted(start, timedelta(days=(weekday - start.weekday()) % 7, minutes=minute))
    for _ in calendar.days:
        if at.date() in calendar.days:
            at = _shifted(at, WEEK)
    return at


def _shifted(at: datetime, by: timedelta) -> datetime:
    """`at` moved; at the calendar's ends it stays."""
    try:
        return at + by
    except OverflowError:
        return at
