"""Who talked last with whom: whoever calls again comes to the agent who knows their matter, if that one is ready.

Told of each call that has its record; kept in the journal, the latest of each number, so that a restart forgets nobody.
It must not be asked of the database: this stands on the way of every call.
"""

from collections.abc import Iterable
from datetime import timedelta

import msgspec

from ivr.edge.protocols import Clock
from ivr.entries import Entry, read
from ivr.facts import CallRecord
from ivr.journal import ACQUAINTED, LATEST_MOST, MISSED, RECORD, Journal
from routing.ids import AgentId, Instant
from routing.numbers import Numbering, caller


class Met(msgspec.Struct, frozen=True):
    """The last talk of a number with an agent of ours: until when it was."""

    at: Instant
    agent: AgentId


class Acquaintances:
    """Owns the last talk of each number, of the latest `LATEST_MOST` that have had one.  A `Witness`."""

    def __init__(self, journal: Journal, clock: Clock, numbering: Numbering, entries: Iterable[Entry] = ()) -> None:
        """`entries` are what earlier lives left; a record whose life could not note it any more counts as well."""
        self._journal = journal
        self._clock = clock
        self._numbering = numbering
        self._met: dict[str, Met] = {}  # the latest last
        for entry, said in read(entries, {ACQUAINTED: Met, RECORD: CallRecord, MISSED: CallRecord}):
            met = (entry.key, said) if isinstance(said, Met) else self._of(said)
            if met is not None:
                self._take(*met)

    def of(self, raw: str, within: timedelta) -> AgentId | None:
        """The agent who has talked with this caller within this time, if any."""
        met = self._met.get(caller(self._numbering, raw) or "")
        if met is None or self._clock.instant() - met.at >= within / timedelta(milliseconds=1):
            return None
        return met.agent

    def connected(self) -> None:
        """Asterisk is there again: nothing is to be found out."""

    def ended(self, record: CallRecord) -> None:
        """A call has its record: was there a talk with one of ours?"""
        met = self._of(record)
        if met is not None:
            self._take(*met)
            self._journal.write(ACQUAINTED, *met)

    def _of(self, record: CallRecord) -> tuple[str, Met] | None:
        number = caller(self._numbering, record.caller)
        if number is None or record.agent is None:
            return None
        return number, Met(record.released or record.ended, record.agent)

    def _take(self, number: str, met: Met) -> None:
        self._met.pop(number, None)
        self._met[number] = met
        if len(self._met) > LATEST_MOST:
            del self._met[next(iter(self._met))]
