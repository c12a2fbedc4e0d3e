"""Who is to be called back, why, and when: facts in, tasks out.  Pure.

One open task a number.  Whoever was refused, missed, cut off, or left after some seconds, is tried some times, by day;
after the last try a supervisor has the task, and at once that of a number which the engine may not call by itself.  It
keeps the first entry: should the citizen call again meanwhile, they stand where they would have stood.  A try is a call
of our own, with a record of its own.
"""

from collections.abc import Iterator
from enum import StrEnum
from itertools import islice

import msgspec

from routing.config.site import ON_BEHALF_OF, Site
from routing.ids import AgentId, CallId, Instant
from routing.numbers import SHORT_CODE, Numbering, caller
from routing.outward import barred
from routing.terms import due

SHORT_MS = 5_000
"""Whoever leaves sooner has thought better of it."""

LONGEST = 16
"""Characters of a number with its + (E.164); what is longer is nobody's."""

TASKS_MOST = 10_000
"""So many tasks are open at most, ..."""

KEPT_MS = 30 * 86_400_000
"""... and none for longer: then nobody waits for it any more, and what we know of them is to be forgotten."""

CAME_MOST = 100
"""Calls that join a task: whoever comes so often is known to have come."""

CUT = frozenset({27, 31, 38, 41, 42, 44, 47, 58, 127})
"""Q.850: causes of an end that nobody of the two has asked for: destination out of order, temporary failure, ..."""


_BACK = "-back-"


class Why(StrEnum):
    """Why somebody is called back."""

    REFUSED = "refused"  # busy at a limit
    MISSED = "missed"  # came and left while we were away, or survival brought them to nobody
    ABANDONED = "abandoned"  # left before a person was there
    CUT = "cut"  # the network ended the call, or a fault of ours
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
_BY_SIP = {404: Result.UNKNOWN_NUMBER, 410: Result.UNKNOWN_NUMBER, 480: Result.NO_ANSWER, 484: Result.UNKNOWN_NUMBER}
_UNAVAILABLE = 480  # SIP: switched off or out of reach, but also: has rung for as long as the carrier lets it
_OF_A_CARRIER = frozenset({401, 403, 407})


def result(cause: int, sip: int = 0, *, rang: bool = False) -> Result:
    """What a call that nobody answered came to, by its cause (Q.850), or its SIP code where that says too little."""
    if sip in _OF_A_CARRIER:
        return Result.FAILED  # the carrier's word, not its customer's
    if sip == _UNAVAILABLE and not rang:
        return Result.OFF
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


class Lapsed(Fact, frozen=True, tag="lapsed"):
    """Nobody has seen to it for too long, or too many have come since."""


class Task(msgspec.Struct, frozen=True):
    """Somebody who is to be called back; `due` None: a supervisor has it, as it was tried often enough or is `barred`.

    `barred`: why the engine may not call the number by itself.  `came`: how many calls have joined it.
    """

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
    barred: str = ""
    came: int = 0
    begun: int = 0
    """How many tries the engine has begun; each call of them has a name of its own."""

    @property
    def next_call(self) -> CallId:
        """What the call of the next try is called."""
        return CallId(f"{self.id}{_BACK}{self.begun + 1}")


class Machine(Fact, frozen=True, tag="machine"):
    """Afterwards an agent says that it was a machine: the task, as it was before that try, is open again."""

    task: Task
    by: str = ""


AnyFact = Wanted | Begun | GivenUp | Tried | CameAgain | Settled | Machine | Lapsed


class Tasks:
    """The open tasks, in the order in which they were made: by the call that made each, by number, by try."""

    def __init__(self, site: Site) -> None:
        """`site`: when citizens are called back, and whom outbound calls may reach."""
        self._site = site
        self._tasks: dict[CallId, Task] = {}
        self._of: dict[str, CallId] = {}

    def __iter__(self) -> Iterator[Task]:
        return iter(self._tasks.values())

    def __len__(self) -> int:
        return len(self._tasks)

    def __contains__(self, key: CallId) -> bool:
        return key in self._tasks

    def get(self, key: CallId) -> Task | None:
        """The open task that this call has made."""
        return self._tasks.get(key)

    def of(self, caller: str) -> Task | None:
        """The open task of a number."""
        key = self._of.get(caller)
        return None if key is None else self._tasks[key]

    def tried(self, call: CallId) -> Task | None:
        """The open task of which this call is a try, under way or over."""
        return self._tasks.get(CallId(call.rpartition(_BACK)[0]))

    def tried_by(self, call: CallId) -> Task | None:
        """The task whose try under way this call is."""
        task = self.tried(call)
        return task if task is not None and task.calling == call else None

    def to_try(self, now: Instant) -> list[Task]:
        """Those whose next try is due and not under way, who is due for the longest first."""
        ready = (task for task in self if task.calling is None and task.due is not None and task.due <= now)
        return sorted(ready, key=lambda task: (task.due or 0, task.first_entry))

    def outlived(self, now: Instant) -> Task | None:
        """The oldest, if it is too old or there are too many, and nobody is being called for it."""
        oldest = next(islice(self, 1), None)
        if oldest is None or oldest.calling is not None:
            return None
        return oldest if len(self) > TASKS_MOST or now - oldest.since >= KEPT_MS else None

    def configure(self, site: Site) -> None:
        """From now on this holds, for the tasks that there are too."""
        self._site = site
        self._tasks = {key: self._judged(task) for key, task in self._tasks.items()}

    def follow(self, key: CallId, fact: AnyFact) -> None:
        """Take note of a fact; what makes no sense changes nothing."""
        task = self._tasks.get(key)
        match fact:
            case Wanted():
                if task is None and self.of(fact.caller) is None:
                    made = Task(key, fact.caller, fact.why, fact.line, fact.at, fact.first_entry, None, fact.agent)
                    self._put(self._judged(made))
            case Machine():
                if self.of(fact.task.caller) is None:
                    self._put(self._tried(fact.task, Tried(fact.at, Result.MACHINE, fact.by, fact.task.calling)))
            case _ if task is None:
                pass
            case Settled() | Lapsed() | Tried(result=Result.ANSWERED):
                del self._tasks[key], self._of[task.caller]
            case Tried():
                self._put(self._tried(task, fact))
            case Begun():
                self._put(msgspec.structs.replace(task, calling=fact.call, begun=task.begun + 1))
            case GivenUp():
                self._put(msgspec.structs.replace(task, calling=None))
            case _:
                self._put(msgspec.structs.replace(task, joined=fact.call, came=task.came + 1))

    def _put(self, task: Task) -> None:
        self._tasks[task.id] = task
        self._of[task.caller] = task.id

    def _tried(self, task: Task, fact: Tried) -> Task:
        return self._judged(msgspec.structs.replace(task, tries=(*task.tries, fact), calling=None))

    def _judged(self, task: Task) -> Task:
        """The same task, due as the city's terms say, if at all."""
        why, last = barred(self._site, task.caller, ON_BEHALF_OF), task.tries[-1] if task.tries else None
        is_hopeless = bool(why) or (last is not None and last.result is Result.UNKNOWN_NUMBER)
        at = due(self._site.callbacks, task.since, len(task.tries), last.at if last else None)
        return msgspec.structs.replace(task, due=None if is_hopeless else at, barred=why)


def number(numbering: Numbering, raw: str) -> str | None:
    """A caller's number if somebody could call it back: not withheld, and no service's short code."""
    known = caller(numbering, raw)
    return known if known is not None and SHORT_CODE < len(known) <= LONGEST else None


def may_be_promised(site: Site, raw: str) -> bool:
    """Whether a caller may be told that we shall call: the engine does so, and may."""
    known = number(site.numbering, raw)
    return site.callbacks.on and known is not None and not barred(site, known, ON_BEHALF_OF)
