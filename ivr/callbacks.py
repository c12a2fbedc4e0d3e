"""The tasks of calling back: made from the records of calls, kept in the journal, replayed at start.

A call that ends shows whether its citizen has had what they called for; what is to be done about it is a fact under the
call's own key.  Who calls again takes the place that they had.
"""

import logging
from collections.abc import Iterable

import msgspec

from ivr.edge.protocols import Clock
from ivr.facts import CallRecord, Outcome
from ivr.journal import CALLBACK, CALLED_BACK, MISSED, RECORD, Entry, Journal
from routing.callbacks import CUT, SHORT_MS, AnyFact, CameAgain, Result, Settled, Task, Tried, Wanted, Why, find, follow
from routing.callbacks import number as callable_number
from routing.ids import CallId, Instant
from routing.numbers import Numbering

log = logging.getLogger(__name__)

_OF = {Outcome.REFUSED: Why.REFUSED, Outcome.MISSED: Why.MISSED, Outcome.FAILED: Why.CUT}

PROMISED = frozenset({Why.ASKED})
"""They were told that we would call."""


class Callbacks:
    """Owns the tasks.  A `Witness`: told of each call that has its record."""

    def __init__(self, journal: Journal, clock: Clock, numbering: Numbering, entries: Iterable[Entry] = ()) -> None:
        """`entries` are what earlier lives left: a record whose life died before it could say so makes its task now."""
        self._journal = journal
        self._clock = clock
        self._numbering = numbering
        self._tasks: dict[CallId, Task] = {}
        known: set[str] = set()
        records: list[CallRecord] = []
        for entry in entries:
            if entry.topic in {CALLBACK, CALLED_BACK}:
                known.add(entry.key)
                follow(self._tasks, CallId(entry.key), msgspec.json.decode(entry.body, type=AnyFact))
            elif entry.topic in {RECORD, MISSED}:
                records.append(msgspec.json.decode(entry.body, type=CallRecord))
        self._untold = [record for record in records if record.call not in known]

    def open(self) -> tuple[Task, ...]:
        """Every task that is not settled: those that are due first, then those that a supervisor has."""
        return tuple(sorted(self._tasks.values(), key=lambda task: (task.due is None, task.due or 0, task.first_entry)))

    def connected(self) -> None:
        """Asterisk is there again: what an earlier life could not say any more is said now."""
        untold, self._untold = self._untold, []
        for record in untold:
            self.ended(record)

    def ended(self, record: CallRecord) -> None:
        """A call has its record: is its citizen to be called back, or no longer?"""
        number = callable_number(self._numbering, record.caller)
        if number is None:
            return
        task = find(self._tasks.values(), number)
        why = _why(record)
        if task is not None and why in PROMISED:  # a promise counts anew: its tries begin again, the first entry stays
            self._note(task.id, Settled(self._clock.instant(), record.call))
        if why is not None and (task is None or why in PROMISED):
            agent = record.agent if why is Why.CUT else None
            now = self._clock.instant()
            first_entry = task.first_entry if task is not None else record.queued or record.arrived
            self._note(record.call, Wanted(now, number, why, first_entry, record.line, agent))
            log.info("the caller of %s is to be called back: %s", record.call, why)
        elif task is not None and why is None and record.connected is not None:
            self._note(task.id, Settled(self._clock.instant(), record.call))

    def comes(self, call: CallId, raw: str) -> Task | None:
        """Somebody calls: the task that waits for them, which this call joins."""
        number = callable_number(self._numbering, raw)
        task = find(self._tasks.values(), number) if number is not None else None
        if task is not None:
            self._note(task.id, CameAgain(self._clock.instant(), call))
        return task

    def tried(self, task: CallId, result: Result, by: str) -> None:
        """Somebody has called them."""
        self._note(task, Tried(self._clock.instant(), result, by))

    def settle(self, task: CallId, by: str) -> None:
        """Somebody says that there is nothing more to do."""
        self._note(task, Settled(self._clock.instant(), by=by))

    def _note(self, key: CallId, fact: AnyFact) -> None:
        follow(self._tasks, key, fact)
        self._journal.write(CALLBACK if key in self._tasks else CALLED_BACK, key, fact)


def _why(record: CallRecord) -> Why | None:
    """Why the citizen of this call is to be called back; None: they have had what there was to have."""
    if record.outcome is Outcome.CALLED_BACK:
        return record.callback
    if record.outcome is Outcome.ABANDONED:
        return Why.ABANDONED if record.ended - record.arrived >= SHORT_MS else None
    if record.outcome in {Outcome.ANSWERED, Outcome.TRANSFERRED}:
        return Why.CUT if record.cause in CUT else None
    return _OF.get(record.outcome)


def begins_at(task: Task | None) -> Instant | None:
    """From when on a call that joins a task counts as waiting."""
    return None if task is None else task.first_entry
