"""Who is to be called back, why, and when: facts in, tasks out.  Pure.

One open task a number.  Whoever was refused, missed, cut off, or left after some seconds, is tried some times, by day;
after the last try a supervisor has the task.  It keeps the first entry: should the citizen call again meanwhile, they
stand where they would have stood.  A try is a call of our own, with a record of its own.
"""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from routing.ids import AgentId, CallId, Instant
from routing.numbers import Numbering, caller
from routing.outward import outbound_class
from routing.terms import USUAL, Terms, due

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
    VOICEMAIL = "voicemail"  # left a message, or might have
    ASKED = "asked"  # they pressed the key, and gave their place in the queue up for it


class Result(StrEnum):
    """What came of a try."""

    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    OFF = "off"
    UNKNOWN_NUMBER = "unknown-number"
    REFUSED = "refused"  # declined, or hung up before a word with the agent
    MACHINE = "machine"
    FAILED = "failed"  # no trunk carried it, or a fault of ours


_RESULTS = {
    **dict.fromkeys((1, 22, 28), Result.UNKNOWN_NUMBER),  # unallocated, changed, invalid format
    17: Result.BUSY,
    **dict.fromkeys((18, 19), Result.NO_ANSWER),  # no user responding, no answer
    **dict.fromkeys((20, 27), Result.OFF),  # subscriber absent, destination out of order
    21: Result.REFUSED,
}
_BY_SIP = {404: Result.UNKNOWN_NUMBER, 410: Result.UNKNOWN_NUMBER, 480: Result.OFF, 484: Result.UNKNOWN_NUMBER}
_OF_A_CARRIER = frozenset({401, 403, 407})


def result(cause: int, sip: int = 0) -> Result:
    """What a call that nobody answered came to, by its cause (Q.850), and its SIP code where the cause says nothing."""
    if sip in _OF_A_CARRIER:
        return Result.FAILED  # the carrier's word, not its customer's
    return _RESULTS.get(cause) or _BY_SIP.get(sip, Result.FAILED)


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


class Begun(Fact, frozen=True, tag="begun"):
    """The engine begins a try, whose call this is."""

    call: CallId


class GivenUp(Fact, frozen=True, tag="given-up"):
    """That try was given up before it had come to anything; it does not count."""

    call: CallId


class Tried(Fact, frozen=True, tag="tried"):
    """They have been called: by somebody (`by`), or in a `call` of ours."""

    result: Result
    by: str = ""
    call: CallId | None = None


class CameAgain(Fact, frozen=True, tag="came-again"):
    """The citizen calls by themselves; `call` takes the place that they had."""

    call: CallId


class Settled(Fact, frozen=True, tag="settled"):
    """It is over: they have talked with somebody (`call`), or `by` says so."""

    call: CallId | None = None
    by: str = ""


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
    calling: CallId | None = None
    """The try that is under way."""
    begun: int = 0
    """How many tries the engine has begun; each call of them has a name of its own."""

    @property
    def next_call(self) -> CallId:
        """What the call of the next try is called."""
        return CallId(f"{self.id}-back-{self.begun + 1}")


class Machine(Fact, frozen=True, tag="machine"):
    """Afterwards an agent says that it was a machine: the task, as it was before that try, is open again."""

    task: Task
    by: str = ""


AnyFact = Wanted | Begun | GivenUp | Tried | CameAgain | Settled | Machine


def follow(tasks: dict[CallId, Task], key: CallId, fact: AnyFact, terms: Terms = USUAL) -> None:  # noqa: C901 - a case for each
    """Take note of a fact; what makes no sense changes nothing."""
    task = tasks.get(key)
    if isinstance(fact, Wanted):
        if task is None and find(tasks.values(), fact.caller) is None:
            at = due(terms, fact.at, 0)
            tasks[key] = Task(key, fact.caller, fact.why, fact.line, fact.at, fact.first_entry, at, fact.agent)
    elif isinstance(fact, Machine):
        if find(tasks.values(), fact.task.caller) is None:
            tasks[key] = _tried(fact.task, Tried(fact.at, Result.MACHINE, fact.by, fact.task.calling), terms)
    elif task is not None:
        match fact:
            case Settled():
                del tasks[key]
            case Tried(result=Result.ANSWERED):
                del tasks[key]
            case Tried():
                tasks[key] = _tried(task, fact, terms)
            case Begun():
                tasks[key] = msgspec.structs.replace(task, calling=fact.call, begun=task.begun + 1)
            case GivenUp():
                tasks[key] = msgspec.structs.replace(task, calling=None)
            case _:
                tasks[key] = msgspec.structs.replace(task, joined=fact.call)


def number(numbering: Numbering, raw: str) -> str | None:
    """A caller's number if it can be called back: not withheld, not abroad, no service's."""
    known = caller(numbering, raw)
    return known if known is not None and outbound_class(known) is not None else None


def _tried(task: Task, fact: Tried, terms: Terms) -> Task:
    return retimed(msgspec.structs.replace(task, tries=(*task.tries, fact), calling=None), terms)


def retimed(task: Task, terms: Terms) -> Task:
    """The same task, due as these terms say."""
    last = task.tries[-1] if task.tries else None
    is_hopeless = last is not None and last.result is Result.UNKNOWN_NUMBER
    at = None if is_hopeless else due(terms, task.since, len(task.tries), last.at if last else None)
    return msgspec.structs.replace(task, due=at)


def find(tasks: Iterable[Task], caller: str) -> Task | None:
    """The open task of a number."""
    return next((task for task in tasks if task.caller == caller), None)
