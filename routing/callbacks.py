"""Who is to be called back, why, and when: facts in, tasks out.  Pure.

One open task a number.  Whoever was refused, missed, cut off, or left after some seconds, is tried after 5, 30 and 120
minutes, between 8 and 21 o'clock; after the last try a supervisor has the task.  It keeps the first entry: should the
citizen call again meanwhile, they stand where they would have stood.
"""

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from enum import StrEnum

import msgspec

from routing.hours import SHANGHAI
from routing.ids import AgentId, CallId, Instant
from routing.numbers import Numbering, caller
from routing.outward import outbound_class

TRIES = (timedelta(minutes=5), timedelta(minutes=30), timedelta(minutes=120))
"""When a task is tried, from its beginning."""

OPENS, CLOSES = time(8), time(21)
"""Nobody is called back outside of these hours, Asia/Shanghai."""

SHORT_MS = 5_000
"""Whoever leaves sooner has thought better of it."""

CUT = frozenset({27, 31, 38, 41, 42, 44, 47, 58, 127})
"""Q.850: causes of an end that nobody of the two has asked for: destination out of order, temporary failure, ..."""


class Why(StrEnum):
    """Why somebody is called back."""

    REFUSED = "refused"  # busy at a limit
    MISSED = "missed"  # came and left while we were away
    ABANDONED = "abandoned"  # left before a person was there
    CUT = "cut"  # a talk that the network ended, or a fault of ours
    ASKED = "asked"  # they pressed the key, and gave their place in the queue up for it


class Result(StrEnum):
    """What came of a try."""

    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    OFF = "off"
    UNKNOWN_NUMBER = "unknown-number"
    REFUSED = "refused"
    MACHINE = "machine"


class Fact(msgspec.Struct, frozen=True, tag_field="fact", omit_defaults=True):
    """Something that happened to a task; its key is the call that made it."""

    at: Instant


class Wanted(Fact, frozen=True, tag="wanted"):
    """A call has left somebody to be called back; `agent` had talked with them, and is asked first."""

    caller: str
    why: Why
    first_entry: Instant
    line: str = ""
    agent: AgentId | None = None


class Tried(Fact, frozen=True, tag="tried"):
    """They have been called; `by`: who did."""

    result: Result
    by: str = ""


class CameAgain(Fact, frozen=True, tag="came-again"):
    """The citizen calls by themselves; `call` takes the place that they had."""

    call: CallId


class Settled(Fact, frozen=True, tag="settled"):
    """It is over: they have talked with somebody (`call`), or `by` says so."""

    call: CallId | None = None
    by: str = ""


AnyFact = Wanted | Tried | CameAgain | Settled


class Task(msgspec.Struct, frozen=True):
    """Somebody who is to be called back; `due` None: a supervisor has it."""

    id: CallId
    caller: str
    why: Why
    line: str
    since: Instant
    first_entry: Instant
    due: Instant | None
    agent: AgentId | None = None
    tries: tuple[Tried, ...] = ()
    joined: CallId | None = None


def follow(tasks: dict[CallId, Task], key: CallId, fact: AnyFact) -> None:
    """Take note of a fact; what makes no sense changes nothing."""
    task = tasks.get(key)
    if isinstance(fact, Wanted):
        if task is None and find(tasks.values(), fact.caller) is None:
            tasks[key] = Task(
                key, fact.caller, fact.why, fact.line, fact.at, fact.first_entry, due(fact.at, 0), fact.agent
            )
    elif task is not None:
        match fact:
            case Settled():
                del tasks[key]
            case Tried(result=Result.ANSWERED):
                del tasks[key]
            case Tried():
                tries = (*task.tries, fact)
                is_hopeless = fact.result is Result.UNKNOWN_NUMBER
                at = None if is_hopeless else due(task.since, len(tries), fact.at)
                tasks[key] = msgspec.structs.replace(task, tries=tries, due=at)
            case _:
                tasks[key] = msgspec.structs.replace(task, joined=fact.call)


def number(numbering: Numbering, raw: str) -> str | None:
    """A caller's number if it can be called back: not withheld, not abroad, no service's."""
    known = caller(numbering, raw)
    return known if known is not None and outbound_class(known) is not None else None


def find(tasks: Iterable[Task], caller: str) -> Task | None:
    """The open task of a number."""
    return next((task for task in tasks if task.caller == caller), None)


def due(since: Instant, tries: int, now: Instant | None = None) -> Instant | None:
    """When a task that began at `since` is tried again after so many; None: it has been tried often enough."""
    if tries >= len(TRIES):
        return None
    at = datetime.fromtimestamp(max(since + _ms(TRIES[tries]), now or 0) / 1000, SHANGHAI)
    if at.time() < OPENS:
        at = datetime.combine(at.date(), OPENS, SHANGHAI)
    elif at.time() >= CLOSES:
        at = datetime.combine(at.date() + timedelta(days=1), OPENS, SHANGHAI)
    return Instant(round(at.timestamp() * 1000))


def _ms(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)
