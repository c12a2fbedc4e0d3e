"""The tasks of calling back: made from the records of calls, kept in the journal, replayed at start.

A call that ends shows whether its citizen has had what they called for; what is to be done about it is a fact under the
call's own key.  Who calls again takes the place that they had.
"""

import logging
from collections.abc import Collection, Iterable

from ivr.edge.protocols import Clock
from ivr.entries import Entry, read
from ivr.facts import CallRecord, Direction, Outcome, Reached
from ivr.journal import CALLBACK, CALLED_BACK, MISSED, RECORD, Journal
from routing.callbacks import (
    CAME_MOST,
    CUT,
    SHORT_MS,
    AnyFact,
    Begun,
    CameAgain,
    GivenUp,
    Lapsed,
    Machine,
    Result,
    Settled,
    Task,
    Tasks,
    Tried,
    Wanted,
    Why,
)
from routing.callbacks import number as callable_number
from routing.config import Site
from routing.ids import CallId

log = logging.getLogger(__name__)

_OF = {Outcome.REFUSED: Why.REFUSED, Outcome.MISSED: Why.MISSED, Outcome.FAILED: Why.CUT}

PROMISED = frozenset({Why.ASKED, Why.VOICEMAIL})
"""They were told that we would call."""

ANSWERED_MOST = 1_000
"""Tries that were answered lately: the last call of each agent is among them."""


class Callbacks:
    """Owns the tasks.  A `Witness`: told of each call that has its record."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        site: Site,
        entries: Iterable[Entry] = (),
    ) -> None:
        """`entries` are what earlier lives left: a record whose life died before it could say so makes its task now."""
        self._journal = journal
        self._clock = clock
        self._site = site
        self.changes = 0
        """Grows with each change."""
        self._answered: dict[CallId, Task] = {}
        self._tasks = Tasks(site)
        known: set[str] = set()
        records: list[CallRecord] = []
        kinds = {CALLBACK: AnyFact, CALLED_BACK: AnyFact, RECORD: CallRecord, MISSED: CallRecord}
        for entry, said in read(entries, kinds):
            if isinstance(said, CallRecord):
                records.append(said)
            else:
                known.add(entry.key)
                self._follow(CallId(entry.key), said)
        self._untold = [record for record in records if record.call not in known]

    def open(self) -> tuple[Task, ...]:
        """Every task that is not settled: those that are due first, then those that a supervisor has."""
        return tuple(sorted(self._tasks, key=lambda task: (task.due is None, task.due or 0, task.first_entry)))

    def get(self, task: CallId) -> Task | None:
        """One of them."""
        return self._tasks.get(task)

    def connected(self) -> None:
        """Asterisk is there again: what an earlier life could not say any more is said now."""
        untold, self._untold = self._untold, []
        for record in untold:
            self.ended(record)

    def ended(self, record: CallRecord) -> None:
        """A call has its record: is its citizen to be called back, or no longer?"""
        if record.direction is Direction.CALLBACK:
            self._tried_by_us(record)
        number = callable_number(self._site.numbering, record.caller)
        if number is None or record.direction is Direction.SEAT:
            return
        task = self._tasks.of(number)
        why = _why(record)
        if task is not None and _counts_anew(record, why):  # its tries begin again, the first entry stays
            self._note(task.id, Settled(self._clock.instant(), record.call))
        if why is not None:  # where a task is open already it changes nothing, and says that this record was looked at
            agent = record.agent if why is Why.CUT else None
            now = self._clock.instant()
            first_entry = task.first_entry if task is not None else record.queued or record.arrived
            self._note(record.call, Wanted(now, number, why, first_entry, record.line, agent))
            if record.call in self._tasks:
                self._forget_the_oldest()
                log.info("the caller of %s is to be called back: %s", record.call, why)
        elif task is not None and record.task is None and _has_talked(record) and record.ended >= task.since:
            self._note(task.id, Settled(self._clock.instant(), record.call))

    def comes(self, call: CallId, raw: str) -> Task | None:
        """Somebody calls: the task that waits for them, which this call joins."""
        number = callable_number(self._site.numbering, raw)
        task = self._tasks.of(number) if number is not None else None
        if task is not None and task.came < CAME_MOST:
            self._note(task.id, CameAgain(self._clock.instant(), call))
        return task

    def tried(self, task: CallId, result: Result, by: str) -> None:
        """Somebody has called them."""
        self._note(task, Tried(self._clock.instant(), result, by))

    def settle(self, task: CallId, by: str) -> None:
        """Somebody says that there is nothing more to do."""
        self._note(task, Settled(self._clock.instant(), by=by))

    # --- calls of our own

    def follow(self, site: Site) -> None:
        """From now on this holds, for the tasks that there are too."""
        self._site = site
        self._tasks.configure(site)

    @property
    def is_open(self) -> bool:
        """Whether citizens may be called now."""
        terms = self._site.callbacks
        return terms.on and terms.is_open(self._clock.instant())

    def to_call(self, engaged: Collection[str]) -> list[Task]:
        """Whose try is due, as many as may be called at once; nobody whose number is in a call: `engaged`, raw."""
        if not self.is_open:
            return []
        numbers = {callable_number(self._site.numbering, raw) for raw in engaged}
        room = self._site.callbacks.at_once - sum(task.calling is not None for task in self._tasks)
        waiting = [task for task in self._tasks.to_try(self._clock.instant()) if task.caller not in numbers]
        return waiting[: max(0, room)]

    def needless(self, call: CallId) -> str:
        """Why that try of ours need not go on; empty while it is wanted."""
        if not self.is_open:
            return "nobody is called at this hour"
        return "" if self._tasks.tried_by(call) is not None else "somebody else has seen to it"

    def begin(self, task: Task) -> CallId:
        """A try begins; what its call is called."""
        call = task.next_call
        self._note(task.id, Begun(self._clock.instant(), call))
        log.info("a try to call back for %s begins: %s", task.id, call)
        return call

    def rescued(self, call: CallId, reached: Reached | None) -> None:
        """Whom that try had called was left to survival: with a person there is no more to do, else it goes on."""
        task, over = self._tasks.tried(call), self._answered.get(call)
        if task is not None and reached is not Reached.NOBODY:
            self._note(task.id, Settled(self._clock.instant(), call))
        elif task is None and over is not None and reached is Reached.NOBODY:
            now = self._clock.instant()
            self._note(call, Wanted(now, over.caller, Why.MISSED, over.first_entry, over.line, over.agent))

    def forget(self, living: Collection[CallId]) -> None:
        """Tries whose life died before their call had begun: given up.  What is too old is forgotten."""
        self._forget_the_oldest()
        for task in self.open():
            if task.calling is not None and task.calling not in living:
                self._note(task.id, GivenUp(self._clock.instant(), task.calling))

    def machine(self, call: CallId, by: str) -> bool:
        """After the talk of a try an agent says that a machine had answered; false when that is not known any more."""
        task = self._answered.pop(call, None)
        if task is None:
            return False
        self._note(task.id, Machine(self._clock.instant(), task, by))
        return True

    def _tried_by_us(self, record: CallRecord) -> None:
        task = self._tasks.tried_by(record.call)
        if task is None:
            return
        now = self._clock.instant()
        if record.result is None:
            self._note(task.id, GivenUp(now, record.call))
        else:
            self._note(task.id, Tried(now, record.result, call=record.call))
        log.info("the try %s to call back for %s: %s", record.call, task.id, record.result or "given up")

    def _forget_the_oldest(self) -> None:
        while (task := self._tasks.outlived(self._clock.instant())) is not None:
            log.warning("nobody has called back for %s, and it is too long ago: forgotten", task.id)
            self._note(task.id, Lapsed(self._clock.instant()))

    def _follow(self, key: CallId, fact: AnyFact) -> None:
        before = self._tasks.get(key)
        self._tasks.follow(key, fact)
        self.changes += 1
        if before is not None and before.calling is not None and key not in self._tasks:
            self._answered[before.calling] = before
            if len(self._answered) > ANSWERED_MOST:
                del self._answered[next(iter(self._answered))]

    def _note(self, key: CallId, fact: AnyFact) -> None:
        self._follow(key, fact)
        self._journal.write(CALLBACK if key in self._tasks else CALLED_BACK, key, fact)


def _why(record: CallRecord) -> Why | None:
    """Why the citizen of this call is to be called back; None: they have had what there was to have."""
    if record.outcome is Outcome.CALLED_BACK:
        return record.callback
    if record.direction is not Direction.IN and record.connected is None:
        return None  # the task of a try goes on by itself, and whom an agent called has asked for nothing
    if record.outcome is Outcome.ABANDONED and record.ended - record.arrived >= SHORT_MS:
        return Why.ABANDONED
    if record.outcome is Outcome.ABANDONED:
        return Why.CUT if record.cause in CUT else None  # it was not they who thought better of it
    if record.outcome in {Outcome.ANSWERED, Outcome.TRANSFERRED} or record.reached is Reached.PERSON:
        return Why.CUT if record.cause in CUT else None
    return Why.MISSED if record.reached is Reached.NOBODY else _OF.get(record.outcome)


def _counts_anew(record: CallRecord, why: Why | None) -> bool:
    """Whether the citizen is to be called back for this call, and no longer for an earlier one.

    They have our promise, or were cut off in a talk: that agent's number is on it, and they wait now.
    """
    return why in PROMISED or (why is Why.CUT and _has_talked(record))


def _has_talked(record: CallRecord) -> bool:
    is_with_person = record.connected is not None or record.reached is Reached.PERSON
    return is_with_person and record.result is not Result.MACHINE
