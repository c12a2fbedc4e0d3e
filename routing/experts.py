"""Experts of an industry (行业专家选派): who is on duty when, and who is called next.  Pure.

A roster says of each on which days and at which hours they can be called.  Those on duty are called in turn: whoever
was called last comes last.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta

import msgspec

from routing.hours import ALWAYS, SHANGHAI, Calendar, Hours, Window, civil, is_open, is_within, next_change
from routing.ids import Instant, SeatId


class Expert(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody with a `number`, dialled over the first of `trunks` that works, or with the phone of a `seat`.

    On duty at `hours`, within `dates` if there are any.
    """

    id: str
    name: str
    number: str = ""
    trunks: tuple[str, ...] = ()
    seat: SeatId | None = None
    hours: Hours = ALWAYS
    dates: Window | None = None

    def is_on_duty(self, calendar: Calendar, moment: datetime) -> bool:
        """Whether they can be called now."""
        is_their_day = self.dates is None or is_within(self.dates, moment)
        return is_their_day and is_open(self.hours, calendar, moment)

    def next_duty(self, calendar: Calendar, moment: datetime) -> datetime | None:
        """Since, or from, when they can be called: `moment` itself when they can now; None when never again."""
        at = civil(moment)
        if self.dates is not None:
            at = max(at, datetime.combine(self.dates.begins, time(), SHANGHAI))
        if not is_open(self.hours, calendar, at):
            opens = next_change(self.hours, calendar, at)
            at = opens if opens is not None else at
        return at if self.is_on_duty(calendar, at) else None


class Industry(msgspec.Struct, frozen=True, kw_only=True):
    """The experts of one field; each is rung for `ring_for` before the next."""

    id: str
    name: str
    roster: tuple[Expert, ...]
    ring_for: timedelta = timedelta(seconds=15)

    def on_duty(self, calendar: Calendar, moment: datetime) -> tuple[Expert, ...]:
        """Who can be called now, in the order of the roster."""
        return tuple(expert for expert in self.roster if expert.is_on_duty(calendar, moment))

    def next_duty(self, calendar: Calendar, moment: datetime) -> tuple[datetime, Expert] | None:
        """From when somebody can be called, and who."""
        found = [(at, expert) for expert in self.roster if (at := expert.next_duty(calendar, moment)) is not None]
        return min(found, key=lambda each: each[0], default=None)

    def refusal(self, calendar: Calendar, moment: datetime) -> str:
        """Why nobody can be called now, and when somebody can; empty when somebody can be."""
        if self.on_duty(calendar, moment):
            return ""
        following = self.next_duty(calendar, moment)
        if following is None:
            return f"nobody of {self.id} is on duty, and nobody will be: its roster in site.yaml has ended"
        at, expert = following
        return f"nobody of {self.id} is on duty now; the next is {expert.name}, from {at:%Y-%m-%d %H:%M}"


def in_turn(experts: Sequence[Expert], called: Mapping[str, Instant]) -> tuple[Expert, ...]:
    """In which order they are called: whoever was never called, then whoever was called longest ago."""
    return tuple(sorted(experts, key=lambda expert: called.get(expert.id, 0)))
