"""The numbers that agents have marked as a nuisance: kept in the journal, not too many, and none for ever.

A number stands here and in the journal only; whoever is shown a case sees it masked.
"""

import logging
from collections.abc import Iterable
from datetime import timedelta

from ivr.edge.protocols import Clock
from ivr.entries import Entry, read
from ivr.journal import NUISANCE, NUISANCE_OVER, Journal
from routing.config import Site
from routing.ids import AgentId, CallId, Instant
from routing.nuisance import MARKS_MOST, AnyFact, Case, Closed, Confirmed, Marked, find, follow, over
from routing.numbers import caller

log = logging.getLogger(__name__)


class Nuisances:
    """Owns the cases, one a number."""

    def __init__(self, journal: Journal, clock: Clock, entries: Iterable[Entry] = ()) -> None:
        """`entries` are what earlier lives left."""
        self._journal = journal
        self._clock = clock
        self._cases: dict[CallId, Case] = {}
        self.changes = 0
        """Grows with each change."""
        for entry, fact in read(entries, {NUISANCE: AnyFact, NUISANCE_OVER: AnyFact}):
            follow(self._cases, CallId(entry.key), fact)

    def open(self, site: Site) -> tuple[Case, ...]:
        """Every case: those first that a supervisor has not looked at, the oldest before all others."""
        self._tidy(site)
        return tuple(sorted(self._cases.values(), key=lambda case: (case.until or 0, case.marks[0].at)))

    def mark(self, site: Site, call: CallId, raw: str, agent: AgentId) -> bool:
        """An agent says that this call is a nuisance; false when the number is withheld and nothing can be kept."""
        self._tidy(site)
        number = caller(site.numbering, raw)
        if number is None:
            log.info("the caller of %s withholds their number: nothing is kept of it", call)
            return False
        case = find(self._cases.values(), number)
        if case is None or len(case.marks) < MARKS_MOST:
            self._note(case.id if case else call, Marked(self._now(), number, call, agent))
        return True

    def confirm(self, site: Site, case: CallId, by: str) -> None:
        """A supervisor agrees."""
        lasts_ms = site.nuisance.lasts // timedelta(milliseconds=1)
        self._note(case, Confirmed(self._now(), Instant(self._now() + lasts_ms), by))

    def close(self, case: CallId, by: str) -> None:
        """A supervisor does not agree, or no longer."""
        self._note(case, Closed(self._now(), by))

    def slower_ms(self, site: Site, raw: str) -> int:
        """By how much later somebody who calls now counts as having come."""
        number = caller(site.numbering, raw)
        case = find(self._cases.values(), number) if number is not None else None
        if case is None or case.until is None or self._now() >= case.until or site.priorities.has(number):
            return 0
        return site.nuisance.slower // timedelta(milliseconds=1)

    def _tidy(self, site: Site) -> None:
        for case in over(self._cases.values(), self._now(), site.nuisance.lasts):
            self._note(case, Closed(self._now()))

    def _now(self) -> Instant:
        return self._clock.instant()

    def _note(self, key: CallId, fact: AnyFact) -> None:
        follow(self._cases, key, fact)
        self.changes += 1
        self._journal.write(NUISANCE if key in self._cases else NUISANCE_OVER, key, fact)
