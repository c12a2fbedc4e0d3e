"""A call as its coroutine holds it: the citizen's channel, the ledger, and what all calls share."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from ivr.ari.client import Ari
from ivr.ari.handles import Bridge, Channel
from ivr.ari.scope import Scope
from ivr.errors import TryGivenUp
from ivr.ledger import ANSWERED, ARRIVED, ROUTED, SAID, SAYING, Ledger, Step
from ivr.scopes import alongside
from ivr.service import Service
from routing.ids import BridgeId, CallId, ChannelId, Instant, PromptId, TicketId
from routing.numbers import bare
from routing.talk import Do, Room, Talk, Whom

T = TypeVar("T")

GREETED = "HOTLINE_GREETED"
"""The channel variable that tells the survival path what the caller has heard."""

DONE = "HOTLINE_DONE"
"""The channel variable that tells the dialplan that the caller was served: should it get them back, it hangs up."""

BRIDGES = {Room.CALL: "bridge", Room.SIDE: "side", Room.EAR: "ear"}
"""What the bridge of a room is called, behind the call's id; a supervisor's ear is numbered."""

LEASE = "TIMEOUT(absolute)"
"""The dialplan's dead man's lease on a caller, in seconds from now; 0: none.  See dialplans/hotline/extensions.conf."""


PARTING_SLACK_MS = 30_000
"""How much longer than the last words the dialplan waits before it ends a call of which we have forgotten."""


class Conversing(Protocol):
    """A conversation, for whoever asks something of it."""

    talk: Talk

    def ask(self, by: str, do: Do, whom: Whom | None = None, token: str = "") -> str:
        """Ask for something; why it may not be done now, or nothing."""

    async def agreed(self) -> None:
        """Wait until it has been brought about."""


@dataclass(slots=True)
class Call:
    """One visit of a citizen.

    `resumed`: an earlier life of ours has begun it.  `is_bridged`: the citizen is in the call's bridge; what that life
    had sent last may never have arrived.
    """

    service: Service
    ari: Ari
    id: CallId
    citizen: Channel
    ledger: Ledger
    resumed: bool
    is_bridged: bool = False
    is_with_somebody: bool = False
    others: list[Channel] = field(default_factory=list)
    """Legs of those who have talked with the citizen, or beside them; they are hung up with the call."""
    conversation: Conversing | None = None
    """While there is one."""
    rooms: dict[ChannelId, Room] = field(default_factory=dict)
    """Where Asterisk has whom, as far as we know."""

    seeking: Scope = field(default_factory=Scope)
    """Of a call of our own: until whom we call has answered."""

    @property
    def ticket(self) -> TicketId:
        """The call's ticket in the Floor."""
        return TicketId(self.id)

    @property
    def bridge(self) -> Bridge:
        """The one bridge in which everybody of this call meets."""
        return self.room(Room.CALL)

    @property
    def number(self) -> str:
        """The citizen's, as whoever is rung for them sees it; empty when it was withheld."""
        return bare(self.ledger[ARRIVED].arrival.caller) or ""

    def room(self, room: Room, n: int = 0) -> Bridge:
        """The bridge of a room; `n` is the supervisor whose ear it is."""
        return Bridge(self.ari, BridgeId(f"{self.id}-{BRIDGES[room]}" + (f"-{n}" if room is Room.EAR else "")))

    def leg(self, role: str, n: int) -> ChannelId:
        """The id of a leg: it derives from the call, so that a restart finds it again."""
        return ChannelId(f"{self.id}-{role}-{n}")

    def now(self) -> Instant:
        """The present instant."""
        return self.service.clock.instant()

    def give_up(self, why: str) -> None:
        """Whom we are about to call need not be called; without effect once they have answered."""
        if ANSWERED not in self.ledger:
            self.seeking.end(TryGivenUp(why))

    async def once(self, step: Step[T], effect: Callable[[], Awaitable[T]]) -> T:
        """The outcome of a step: what the ledger knows, or else the effect, done and written down."""
        if step in self.ledger:
            return self.ledger[step]
        outcome = await effect()
        self.ledger.write(step, outcome)
        return outcome

    def parting(self, prompt: PromptId, longest_ms: int) -> None:
        """The talk is over, and `prompt` begins what is still said or asked, for so long; then the call ends.

        Music plays around the words.  The dialplan hangs up should it get the citizen back, or we forget them.
        """
        if SAYING.of(prompt) not in self.ledger:  # else all is done, and would wait for the end of the prompt
            self.citizen.put({DONE: "1", LEASE: str((longest_ms + PARTING_SLACK_MS) // 1000)})
            self.citizen.music()

    @asynccontextmanager
    async def leased(self) -> AsyncIterator[None]:
        """Renew the lease while the block lasts: the caller is not with a person yet, and we are alive."""
        self.is_with_somebody = False
        async with alongside(self._renew(), f"lease:{self.id}"):
            yield

    async def _renew(self) -> None:
        """Every `renew`; the first time after a while, so that a life that is too short for that renews nothing."""
        timing = self.service.config.site.timing
        age_ms = 0 if self.resumed else self.now() - self.ledger[ARRIVED].at
        first = timing.renew / 2 if self.resumed else timing.renew
        await asyncio.sleep(first.total_seconds() - age_ms / 1000)
        while not self.is_with_somebody:  # its timer may come while the block is being left
            greeted = {GREETED: "1"} if self._is_greeted() else {}
            self.citizen.put({LEASE: str(int(timing.lease.total_seconds()))} | greeted)
            await asyncio.sleep(timing.renew.total_seconds())

    def _is_greeted(self) -> bool:
        """What had to be said has been said; should survival take over, it does not say it again."""
        route = self.ledger.get(ROUTED)
        return route is not None and all(SAID.of(prompt.id) in self.ledger for prompt in route.prompts)
