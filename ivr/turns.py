"""When each expert was called last: kept in the journal, so that a restart does not begin again with the first."""

from collections.abc import Iterable

import msgspec

from ivr.entries import Entry, read
from ivr.journal import EXPERT, Journal
from routing.ids import Instant


class Called(msgspec.Struct, frozen=True):
    """An expert's phone was about to ring."""

    at: Instant


class Turns:
    """Owns that of every expert."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        """`entries` are what earlier lives left."""
        self.called: dict[str, Instant] = {}
        for entry, called in read(entries, {EXPERT: Called}):
            self.called[entry.key] = called.at

    def calls(self, expert: str, now: Instant, journal: Journal) -> None:
        """Their phone is about to ring."""
        self.called[expert] = now
        journal.write(EXPERT, expert, Called(now))
