"""A stretch of time lived through by the Floor alone: the same class that routes real calls, and no telephones.

Callers come as values, drawn elsewhere; agents pick up at once when they are offered somebody (`ring_ms` counts as work
and as waiting), and are busy for as long as that caller takes.  Moments are milliseconds from the beginning.
"""

from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from routing.floor import Floor
from routing.ids import AgentId, Instant, SeatId, TicketId
from routing.tickets import (
    Accepted,
    Action,
    Competence,
    Configured,
    Entered,
    Ladder,
    Left,
    Offer,
    SignedIn,
    SignedOut,
    Tick,
)


class Caller(NamedTuple):
    """Somebody who calls: whom for, how long they would wait, how long an agent is busy with them."""

    at: int
    ladder: Ladder
    patience_ms: int
    handle_ms: int


class Shift(NamedTuple):
    """An agent at work in `[since, until)`; a talk that has begun is ended."""

    agent: AgentId
    competences: tuple[Competence, ...]
    since: int
    until: int


class Fate(NamedTuple):
    """What became of a caller: `waited_ms` until the agent picked up, or until they left; `busy_ms` 0: they left."""

    at: int
    waited_ms: int
    busy_ms: int


_COMES, _GOES, _OVER, _LEAVES = range(4)
"""What may happen at a moment, in this order."""

Happening = tuple[int, int, int, str]
"""Moment, what, a number by which nothing ever stands equal to anything else, and who."""


def simulated(
    callers: Iterable[Caller], shifts: Sequence[Shift], configured: Configured, ring_ms: int = 0
) -> Iterator[Fate]:
    """The fate of each caller, in the order in which they become known.  `callers` come in the order of their calls."""
    day = _Day(shifts, ring_ms)
    day.tell(configured, 0)
    for n, caller in enumerate(callers):
        yield from day.until(caller.at)
        yield from day.enters(f"c{n}", caller)
    yield from day.until(None)


class _Day:
    """The Floor, what lies ahead, and who waits."""

    def __init__(self, shifts: Sequence[Shift], ring_ms: int) -> None:
        self._floor = Floor()
        self._ring_ms = ring_ms
        self._ahead: list[Happening] = []
        self._shifts = {f"s{n}": shift for n, shift in enumerate(shifts)}
        self._waiting: dict[str, Caller] = {}
        self._n = 0
        for name, shift in self._shifts.items():
            self._at(shift.since, _COMES, name)
            self._at(shift.until, _GOES, name)

    def _at(self, moment: int, what: int, who: str) -> None:
        self._n += 1
        heappush(self._ahead, (moment, what, self._n, who))

    def tell(self, event: Configured | Tick | SignedIn | SignedOut | Left, now: int) -> Iterable[Fate]:
        """One event, and what follows from it."""
        said = self._floor.apply(event, Instant(now))
        return self._follow(said, now) if said else ()

    def enters(self, name: str, caller: Caller) -> Iterable[Fate]:
        """One more caller."""
        now = caller.at
        self._waiting[name] = caller
        said = self._floor.apply(Entered(TicketId(name), caller.ladder, Instant(now)), Instant(now))
        found = self._follow(said, now)
        if name in self._waiting:
            self._at(now + caller.patience_ms, _LEAVES, name)
        return found

    def _follow(self, said: tuple[Action, ...], now: int) -> list[Fate]:
        found = []
        for action in said:
            if type(action) is Offer:
                caller = self._waiting.pop(action.ticket)
                self._floor.apply(Accepted(action.ticket, action.agent), Instant(now))
                busy_ms = self._ring_ms + caller.handle_ms
                self._at(now + busy_ms, _OVER, action.ticket)
                found.append(Fate(caller.at, now - caller.at + self._ring_ms, busy_ms))
        return found

    def until(self, moment: int | None) -> Iterator[Fate]:
        """All that happens before `moment` (None: all that is left to happen)."""
        ahead, due = self._ahead, self._floor.due
        while True:
            tick = due()
            at = ahead[0][0] if ahead else None
            if tick is not None and (at is None or tick < at):
                if moment is not None and tick > moment:
                    return
                yield from self.tell(Tick(), tick)
            elif at is None or (moment is not None and at > moment):
                return
            else:
                yield from self._happens(*heappop(ahead))

    def _happens(self, now: int, what: int, _: int, who: str) -> Iterable[Fate]:
        if what == _OVER:
            return self.tell(Left(TicketId(who)), now)
        if what == _LEAVES:
            caller = self._waiting.pop(who, None)
            if caller is None:
                return ()
            return [Fate(caller.at, now - caller.at, 0), *self.tell(Left(TicketId(who)), now)]
        shift = self._shifts[who]
        if what == _GOES:
            return self.tell(SignedOut(shift.agent), now)
        return self.tell(SignedIn(shift.agent, SeatId(shift.agent), shift.competences), now)
