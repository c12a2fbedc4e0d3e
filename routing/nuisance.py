"""Who bothers the hotline (骚扰), and what follows: warned, then looked at by a supervisor, then slower.  Pure.

Never a block: whoever is confirmed waits as if they had come later, for a time, and reaches a person as everybody does.
Who is listed as a priority caller, or comes from an emergency desk, is never slowed.
"""

from collections.abc import Iterable
from datetime import timedelta

import msgspec

from routing.hours import milliseconds
from routing.ids import AgentId, CallId, Instant

MARKS_MOST = 20
"""Marks that are kept of one number; more say nothing new."""

CASES_MOST = 5_000
"""Numbers of which marks are kept; one more, and the oldest that nobody has confirmed is forgotten."""


class Nuisance(msgspec.Struct, frozen=True, kw_only=True):
    """`slower`: by how much later a confirmed number counts as having come.  `lasts`: how long a confirmation does.

    A mark that nobody has confirmed is forgotten after the same time.
    """

    slower: timedelta = timedelta(minutes=3)
    lasts: timedelta = timedelta(days=30)


class Fact(msgspec.Struct, frozen=True, tag_field="fact", omit_defaults=True):
    """Something that happened to a case; its key is the call of the first mark."""

    at: Instant


class Marked(Fact, frozen=True, tag="marked"):
    """An agent says so of the caller of `call`, who was warned."""

    caller: str
    call: CallId
    agent: AgentId


class Confirmed(Fact, frozen=True, tag="confirmed"):
    """A supervisor agrees: slower until then."""

    until: Instant
    by: str


class Closed(Fact, frozen=True, tag="closed"):
    """It is over: a supervisor did not agree, or lifted it (`by`); or time did."""

    by: str = ""


AnyFact = Marked | Confirmed | Closed


class Case(msgspec.Struct, frozen=True):
    """A number that was marked; `until` None: a supervisor has not confirmed it."""

    id: CallId
    caller: str
    marks: tuple[Marked, ...]
    until: Instant | None = None
    by: str = ""

    def is_over(self, now: Instant, lasts: timedelta) -> bool:
        """Whether its time is over."""
        ends = self.until if self.until is not None else self.marks[-1].at + milliseconds(lasts)
        return now >= ends


def follow(cases: dict[CallId, Case], key: CallId, fact: AnyFact) -> None:
    """Take note of a fact; what makes no sense changes nothing."""
    case = cases.get(key)
    match fact:
        case Marked():
            marks = (*case.marks, fact) if case else (fact,)
            cases[key] = msgspec.structs.replace(case, marks=marks) if case else Case(key, fact.caller, marks)
        case Confirmed() if case is not None:
            cases[key] = msgspec.structs.replace(case, until=fact.until, by=fact.by)
        case Closed():
            cases.pop(key, None)
        case _:
            pass


def find(cases: Iterable[Case], caller: str) -> Case | None:
    """The case of a number."""
    return next((case for case in cases if case.caller == caller), None)


def over(cases: Iterable[Case], now: Instant, lasts: timedelta) -> tuple[CallId, ...]:
    """Those whose time is over, and those for which there is no room: the oldest that nobody has confirmed."""
    ended = [case.id for case in cases if case.is_over(now, lasts)]
    left = [case for case in cases if case.id not in ended]
    unconfirmed = sorted((case for case in left if case.until is None), key=lambda case: case.marks[-1].at)
    return (*ended, *(case.id for case in unconfirmed[: max(0, len(left) - CASES_MOST)]))
