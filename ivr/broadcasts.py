"""What a supervisor lets all hear who wait: kept in the journal with whom it was meant for; no kill loses anybody.

Each call asks for what it has not heard yet, and writes down what it is about to hear: so it hears everything once.
"""

from collections import deque
from collections.abc import Iterable
from itertools import count

import msgspec

from ivr.edge.protocols import Clock
from ivr.entries import Entry, read
from ivr.journal import BROADCAST, BROADCASTS_MOST, Journal
from routing.ids import Instant, PoolId, PromptId, TicketId


class Broadcast(msgspec.Struct, frozen=True, omit_defaults=True):
    """An announcement to `tickets`, who waited then; `text`: what the voice has read, where it is no known prompt."""

    id: str
    at: Instant
    prompt: PromptId
    length_ms: int
    tickets: tuple[TicketId, ...]
    by: str
    pool: PoolId | None = None
    text: str = ""


class Broadcasts:
    """Owns the latest announcements."""

    def __init__(self, journal: Journal, clock: Clock, entries: Iterable[Entry] = ()) -> None:
        """`entries` are what earlier lives left."""
        self._journal = journal
        self._clock = clock
        self._latest: dict[str, Broadcast] = {}
        self._named: deque[PromptId] = deque(maxlen=BROADCASTS_MOST)
        for _, made in read(entries, {BROADCAST: Broadcast}):
            self._take(made)

    def next_text(self) -> PromptId:
        """The name under which the voice puts the next text: of none that is known still, or being read just now."""
        taken = {*self._named, *(each.prompt for each in self._latest.values())}
        names = (PromptId(f"broadcast-{n}") for n in count(1))
        name = next(each for each in names if each not in taken)
        self._named.append(name)
        return name

    def make(
        self,
        prompt: PromptId,
        length_ms: int,
        tickets: tuple[TicketId, ...],
        by: str,
        pool: PoolId | None = None,
        text: str = "",
    ) -> Broadcast:
        """Announce something from now on."""
        name = str(int(next(reversed(self._latest), "0")) + 1)
        made = Broadcast(name, self._clock.instant(), prompt, length_ms, tickets, by, pool, text)
        self._take(made)
        self._journal.write(BROADCAST, name, made)
        return made

    def latest(self) -> list[Broadcast]:
        """The latest of them, in order."""
        return list(self._latest.values())

    def to(self, ticket: TicketId) -> list[Broadcast]:
        """Everything that was meant for this one, in order."""
        return [each for each in self._latest.values() if ticket in each.tickets]

    def _take(self, made: Broadcast) -> None:
        self._latest[made.id] = made
        if len(self._latest) > BROADCASTS_MOST:
            del self._latest[next(iter(self._latest))]
