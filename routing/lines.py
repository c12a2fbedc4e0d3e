"""Line: what the plan says of one number, with its row, and in which phase it is at a moment.

Source of the fields: 邯政办字〔2021〕24号, the merger list (附件).  Knows no pool's hours and no Asterisk.
"""

from datetime import date, datetime, timedelta
from enum import StrEnum

import msgspec

from routing.hours import Window, civil, is_within
from routing.ids import LanguageId, PoolId, SkillId, TargetId

MANY = "一.10"
"""The row that stands for any number of local lines; every other row is one line."""


class Section(StrEnum):
    """The three ways of merging: 整体并入, 双号并行, 设分中心."""

    FULL_MERGE = "full-merge"
    DUAL_NUMBER = "dual-number"
    SUB_CENTRE = "sub-centre"


class Reading(StrEnum):
    """Whether the row's remark is its own, or the nearest one above it in its section (merged cells)."""

    OWN = "own"
    INHERITED = "inherited"


class Host(StrEnum):
    """Who runs the number: only a city's number is the city's to cancel."""

    CITY = "city"
    PROVINCE = "province"
    NATION = "nation"


class Seats(StrEnum):
    """What became of the line's own seats: never had any, staff moved to the hall, kept for now, kept for good."""

    NONE = "none"
    MERGED = "merged"
    RETAINED = "retained"
    OWN = "own"


class AnsweredBy(StrEnum):
    """Who takes a call first; the hall follows in every case."""

    HALL = "hall"
    RETAINED_SEATS = "retained-seats"
    CENTRE = "centre"
    SUB_CENTRE = "sub-centre"


class Cancelled(StrEnum):
    """What a cancelled number that still arrives gets: a word and a person, or a word only (no answer, Q.850 22)."""

    CONNECT = "connect"
    ANNOUNCE_ONLY = "announce-only"


class Phase(StrEnum):
    """Where a line stands on its way into 12345; a line without a transition is merged."""

    BEFORE = "before"
    TRANSITION = "transition"
    MERGED = "merged"
    CANCELLED = "cancelled"


class Line(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A number that citizens dial.

    `number` is canonical; `short` is what an agent hears before the call; `unit` handles what the hall passes on;
    `skill` and `language` are what the hall prefers: an agent who has both, if there is one;
    `pool` or `target` are the line's own seats or centre; `ring_for` limits the wait there, and at the pools of
    `fallback`, which names pools and targets tried after it, before the hall.  `survey`: its callers are asked how
    content they are, if the city asks.  `priority`: the head start of its callers in the queue.  Never part of a
    circle: no work for the garbage collector.
    """

    number: str
    name: str
    short: str
    department: str
    unit: str
    section: Section | None = None
    row: str | None = None
    reading: Reading | None = None
    host: Host = Host.CITY
    number_kept: bool = True
    seats: Seats = Seats.NONE
    answered_by: AnsweredBy = AnsweredBy.HALL
    skill: SkillId | None = None
    language: LanguageId | None = None
    pool: PoolId | None = None
    target: TargetId | None = None
    ring_for: timedelta | None = None
    fallback: tuple[str, ...] = ()
    transition: Window | None = None
    cancel_on: date | None = None
    when_cancelled: Cancelled = Cancelled.CONNECT
    survey: bool = True
    priority: timedelta = timedelta(0)
    example: bool = False

    @property
    def own_pool(self) -> PoolId | None:
        """The pool of the line's own seats, where it is in use: it may wait there for `answered_by` to change."""
        return self.pool if self.answered_by is AnsweredBy.RETAINED_SEATS else None

    @property
    def own_target(self) -> TargetId | None:
        """The line's centre, or the number at the bureau, where it is in use."""
        return None if self.answered_by is AnsweredBy.HALL or self.own_pool else self.target


def phase(line: Line, moment: datetime) -> Phase:
    """The line's phase at `moment`; days begin at midnight in Shanghai."""
    if line.cancel_on is not None and civil(moment).date() >= line.cancel_on:
        return Phase.CANCELLED
    if line.transition is None:
        return Phase.MERGED
    if is_within(line.transition, moment):
        return Phase.TRANSITION
    return Phase.BEFORE if civil(moment).date() < line.transition.begins else Phase.MERGED
