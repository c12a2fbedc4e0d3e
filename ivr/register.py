"""The register of calls: those that have no record yet, with their ledgers, and those that lately got one."""

import logging
from collections.abc import Iterable
from typing import Protocol

import msgspec

from ivr import parties
from ivr.entries import Entry
from ivr.facts import CallRecord, Outcome
from ivr.journal import Journal
from ivr.ledger import ARRIVED, ENDED, Ledger, fold
from routing.ids import CallId

log = logging.getLogger(__name__)

SERVED = frozenset({Outcome.ANSWERED, Outcome.TRANSFERRED, Outcome.CALLED_BACK, Outcome.ANNOUNCED})
"""Outcomes of a caller who has had what there was to have, or a promise of it."""

REMEMBERED = 50_000
"""Calls that are known to have ended: more than a city has in a day, and no channel of one lingers so long."""


class Witness(Protocol):
    """Somebody who is told what the controller has seen: the census, the recorder."""

    def connected(self) -> None:
        """Asterisk is there again; what happened meanwhile can be found out."""

    def ended(self, record: CallRecord) -> None:
        """A call has its record."""


class Register:
    """Owns the ledgers."""

    def __init__(self, journal: Journal, entries: Iterable[Entry] = ()) -> None:
        """`entries` are what earlier lives left: see `Journal.replay`."""
        folded = fold(entries)
        self._journal = journal
        self._ended = folded.ended
        self.ledgers: dict[CallId, Ledger] = {}
        for call, known in folded.calls.items():
            ledger = Ledger(call, journal, known)
            if _is_readable(ledger):
                self.ledgers[call] = ledger
            else:
                log.error("the ledger of %s cannot be read: if the caller is still there, it begins anew", call)

    def is_open(self, call: CallId) -> bool:
        """The call is ours and has no record yet."""
        return call in self.ledgers

    def is_ended(self, call: CallId) -> bool:
        """The call has its record."""
        return call in self._ended

    def was_served(self, call: CallId) -> bool:
        """The call has its record, and it says that the caller has been with somebody, or was told all there is."""
        return self._ended.get(call) in SERVED

    @property
    def begun(self) -> dict[CallId, Ledger]:
        """Those of which something is written: a ledger is opened a moment before its first step."""
        return {call: ledger for call, ledger in self.ledgers.items() if ARRIVED in ledger}

    def forget_empty(self) -> None:
        """The connection was lost in that moment: who is still there is a new call."""
        self.ledgers = self.begun

    def open(self, call: CallId) -> Ledger:
        """The ledger of a call, a new one if nothing is known of it."""
        return self.ledgers.setdefault(call, Ledger(call, self._journal))

    def close(self, call: CallId) -> CallRecord | None:
        """Take a call out if it has its record."""
        ledger = self.ledgers[call]
        if ENDED not in ledger:
            return None
        del self.ledgers[call]
        self._ended[call] = ledger[ENDED].outcome
        while len(self._ended) > REMEMBERED:
            del self._ended[next(iter(self._ended))]
        return ledger[ENDED]


def _is_readable(ledger: Ledger) -> bool:
    """Whether what a call goes on from is there: a damaged journal, or another version's, may lack it.

    It is looked for here, once: in the middle of a life it would be missing for all calls.
    """
    try:
        parties.talk(ledger)
    except (KeyError, IndexError, msgspec.DecodeError):
        return False
    return ledger.is_readable()
