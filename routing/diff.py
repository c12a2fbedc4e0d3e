"""What another configuration changes: for which numbers, what, and when.

Compares direct calls over the intervals between everything that changes by itself; what is equal in both is not looked
at, and only what differs is put into words.  What is no number's own: `routing.changes`.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta

import msgspec

from routing import occasions
from routing.arrival import Arrival, arrived
from routing.changes import Change, of_every_number, shown
from routing.config.site import Config
from routing.explain import in_short, steps
from routing.hours import DAYS, SHANGHAI, Calendar, Hours, runs
from routing.ids import PromptId
from routing.numbers import EMERGENCY
from routing.plan import Destination, Route, plan
from routing.prompts import family

UNKNOWN = "any other number"
FIELDS = (
    *("name", "department", "unit", "section", "row", "reading", "host", "number_kept", "seats", "priority"),
    "example",
)
"""What is said of a line without being heard by a caller."""

SAYS = {
    "transition": "that the hall has taken it over",
    "cancelled": "that it is out of use",
    "transfer": "that the call is passed on to its centre",
    "closed": "that its centre is closed",
}
"""Families of prompts that say more than a greeting."""


class Entry(msgspec.Struct, frozen=True):
    """A number that is only in one of the two."""

    number: str
    name: str


class Diff(msgspec.Struct, frozen=True):
    """All of it, by number."""

    added: tuple[Entry, ...]
    removed: tuple[Entry, ...]
    changed: tuple[Change, ...]

    @property
    def is_empty(self) -> bool:
        """Whether every call is answered as before."""
        return not (self.added or self.removed or self.changed)


def diff(old: Config, new: Config) -> Diff:
    """What `new` changes."""
    both = [number for number in new.lines if number in old.lines]
    looked_at = _suspects(old, new, both)
    sides = _Side(old), _Side(new)
    changed = [change for number in both if number in looked_at for change in _line(sides, number)]
    changed += [change for number in (*EMERGENCY, UNKNOWN) if number in looked_at for change in _calls(sides, number)]
    changed += _fixed(old, new)
    changed += of_every_number(old.site, new.site)
    return Diff(
        tuple(Entry(line.number, line.name) for line in new.lines.values() if line.number not in old.lines),
        tuple(Entry(line.number, line.name) for line in old.lines.values() if line.number not in new.lines),
        tuple(changed),
    )


class _Side:
    """One of the two configurations; the words for a way that thousands of numbers share are found once."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._steps: dict[tuple[Destination, ...], tuple[str, ...]] = {}

    def arrival(self, number: str) -> Arrival:
        """A direct call."""
        return arrived(self.config, occasions.UNKNOWN if number == UNKNOWN else number, [])

    def steps(self, route: Route) -> tuple[str, ...]:
        """Its way, a sentence each."""
        known = self._steps.get(route.destinations)
        if known is None:
            known = self._steps[route.destinations] = tuple(steps(self.config, route.destinations))
        return known

    def whisper(self, route: Route) -> str:
        """What its agent hears."""
        return self.config.prompts[route.whisper].text


_Sides = tuple[_Side, _Side]
"""The old one and the new one."""


def _suspects(old: Config, new: Config, both: list[str]) -> set[str]:
    """The numbers whose calls can differ: all of them when the site or a prompt of several lines is another one."""
    other = _other_prompts(old, new)
    its_own = {id_.rpartition("-")[2] for id_ in other if family(id_)}
    hall = new.site.number
    if _matters(old) != _matters(new) or hall in its_own or old.lines[hall] != new.lines[hall]:
        return {*both, *EMERGENCY, UNKNOWN}
    return {number for number in both if number in its_own or old.lines[number] != new.lines[number]}


def _matters(config: Config) -> tuple[object, ...]:
    site = config.site
    return (
        *(site.number, site.hall, site.timing, site.pools, site.skills, site.languages, site.targets, site.calendar),
        site.numbering,
        site.help_out,
    )


def _other_prompts(old: Config, new: Config) -> list[PromptId]:
    return [id_ for id_, prompt in new.prompts.items() if id_ in old.prompts and old.prompts[id_] != prompt]


def _fixed(old: Config, new: Config) -> Iterator[Change]:
    """Prompts that no explanation shows: those of agents, and what is said when something fails."""
    for id_ in _other_prompts(old, new):
        if id_.rpartition("-")[2] not in new.lines:
            before, after = old.prompts[id_].text, new.prompts[id_].text
            yield Change(f"prompt {id_}", f"says “{after}” instead of “{before}”", before, after)


def _line(sides: _Sides, number: str) -> Iterator[Change]:
    before, after = (side.config.lines[number] for side in sides)
    for name in FIELDS:
        if getattr(before, name) != getattr(after, name):
            one, other = (shown(getattr(line, name)) for line in (before, after))
            yield Change(number, f"{name}: {other or 'nothing'} instead of {one or 'nothing'}", one, other)
    yield from _calls(sides, number)


def _calls(sides: _Sides, number: str) -> list[Change]:
    """The differences of its calls, each for as long as it holds."""
    lines = [(side.config, occasions.line_of(side.config, number)) for side in sides]
    days = sorted({day for _, line in lines for day in occasions.days(line)})
    hours = [occasions.hours(config, line) for config, line in lines]
    weekly = {edge for theirs in hours for each in theirs for edge in occasions.edges(each)}
    ordinary = Calendar({day: one for config, _ in lines for day, one in config.site.calendar.days.items()})
    arrivals = [side.arrival(number) for side in sides]
    found: list[Change] = []
    for begins, ends in zip([None, *days], [*days, None], strict=True):
        for change in _interval(sides, number, arrivals, _samples(begins, ends, weekly, ordinary)):
            dated = msgspec.structs.replace(change, begins=begins and str(begins), until=ends and str(ends))
            same = next((n for n, other in enumerate(found) if _goes_on(other, dated)), None)
            if same is None:
                found.append(dated)
            else:
                found[same] = msgspec.structs.replace(found[same], until=dated.until)
    known = {(change.words, change.before, change.after) for change in found}
    special = _special(sides, number, arrivals, hours)
    return found + [change for change in special if (change.words, change.before, change.after) not in known]


def _special(sides: _Sides, number: str, arrivals: list[Arrival], hours: Sequence[Sequence[Hours]]) -> Iterator[Change]:
    """The differences on days that are special in one of the two: another day, or PH another time."""
    before, after = (side.config.site.calendar for side in sides)
    old_holidays, new_holidays = ([each for each in theirs if each.has_holidays] for theirs in hours)
    if before == after and old_holidays == new_holidays:
        return
    pairs = {day: (before.days.get(day), after.days.get(day)) for day in sorted({*before.days, *after.days})}
    others = {day: (one, other) for day, (one, other) in pairs.items() if one != other or old_holidays != new_holidays}
    for begins, ends in runs(others):
        samples = sorted(
            {
                at
                for calendar, theirs in zip((before, after), hours, strict=True)
                for at in occasions.special(calendar, theirs, begins)
            }
        )
        name = next(one.name for one in reversed(others[begins]) if one is not None)
        for change in _interval(sides, number, arrivals, samples):
            times = tuple(each.partition(" ")[2] for each in change.times)
            yield msgspec.structs.replace(change, begins=str(begins), until=str(ends), day=name, times=times)


def _goes_on(one: Change, other: Change) -> bool:
    """Whether `other` is `one` in the interval after it."""
    return one.until == other.begins and (one.words, one.before, one.after, one.times) == (
        *(other.words, other.before, other.after),
        other.times,
    )


def _samples(
    begins: date | None, ends: date | None, weekly: set[tuple[int, int]], calendar: Calendar
) -> list[datetime]:
    """A moment of each part of an ordinary week within the interval."""
    if begins is not None:
        first = begins
    elif ends is not None:
        first = ends - min(timedelta(days=7), ends - date.min)
    else:
        first = occasions.SOME_WEEK
    start = datetime.combine(first, time(), SHANGHAI)
    moments = {start} | {occasions.next_time(calendar, start, *edge) for edge in weekly}
    within = [at for at in sorted(moments) if ends is None or at.date() < ends or at == start]
    return within[1:] if start.date() in calendar.days and len(within) > 1 else within


def _interval(sides: _Sides, number: str, arrivals: list[Arrival], samples: list[datetime]) -> Iterator[Change]:
    found: dict[tuple[str, str, str], list[datetime]] = {}
    for at in samples:
        one, other = (plan(side.config, arrival, at) for side, arrival in zip(sides, arrivals, strict=True))
        for key in _differences(sides, one, other):
            found.setdefault(key, []).append(at)
    for (words, before, after), when in found.items():
        week = sorted(when, key=lambda at: (at.weekday(), at.time()))
        times = () if len(when) == len(samples) else tuple(f"{DAYS[at.weekday()]} {at:%H:%M}" for at in week)
        yield Change(number, words, before, after, times=times)


def _differences(sides: _Sides, one: Route, other: Route) -> Iterator[tuple[str, str, str]]:
    before, after = (" ".join(prompt.text for prompt in route.prompts) for route in (one, other))
    if before != after:
        yield _said(one, other, before, after), before, after
    before, after = _places(one), _places(other)
    former, now = sides[0].steps(one), sides[1].steps(other)
    if before != after:
        yield f"goes to {after} instead of {before}", before, after
    elif former != now:
        steps_ = [(a, b) for a, b in zip(former, now, strict=False) if a != b]
        before, after = steps_[0] if steps_ else ("; ".join(former), "; ".join(now))
        yield f"{after}, instead of: {before}", before, after
    before, after = sides[0].whisper(one), sides[1].whisper(other)
    if before != after:
        yield f"its agent hears “{after}” instead of “{before}”", before, after


def _said(one: Route, other: Route, before: str, after: str) -> str:
    former, now = (SAYS.get(route.prompts[0].id.partition("-")[0]) if route.prompts else None for route in (one, other))
    if former and not now:
        return f"no longer says {former}"
    if now and now != former:
        return f"says {now}"
    return f"says “{after}” instead of “{before}”"


def _places(route: Route) -> str:
    return " → ".join(in_short(place) for place in route.destinations)


def render(found: Diff) -> str:
    """The differences for a person to read."""
    if found.is_empty:
        return "nothing changes for any number"
    lines = [f"{each.number}: new, {each.name}" for each in found.added]
    lines += [f"{each.number}: removed, answered as an unknown number ({each.name})" for each in found.removed]
    lines += map(str, found.changed)
    numbers = len({each.number for each in found.changed})
    lines.append(f"{len(found.added)} added, {len(found.removed)} removed, {numbers} changed")
    return "\n".join(lines)
