"""A wait in the queue, tried on the Floor: whatever becomes of pools and agents meanwhile, the ticket comes to an end.

That is the hall, or, where something follows, that it overflows.  The route of a call is decided once and kept; this
shows that the ladder in it stays good while it waits.
"""

from collections.abc import Iterable, Iterator

import msgspec

from routing.config.site import Site
from routing.floor import Floor
from routing.ids import AgentId, Instant, PoolId, SeatId, TicketId
from routing.prompts import POOL_CLOSED
from routing.tickets import (
    Action,
    Alternative,
    AnyEvent,
    Closed,
    Competence,
    Configured,
    Entered,
    Ladder,
    Offer,
    Overflowed,
    Readied,
    Refusal,
    Refused,
    SignedIn,
    SignedOut,
    Tick,
)

TICKET = TicketId("the caller")
FIRST, SECOND, THEIRS = (AgentId(each) for each in ("first", "second", "theirs"))


class Wait(msgspec.Struct, frozen=True):
    """What came of a ladder: how many ways were walked, which way fails, and when it has led on at the latest.

    `latest_ms`: when the hall is asked, or what follows is tried; a phone that rings then is let ring.
    """

    walked: int
    latest_ms: int
    why: str = ""

    @property
    def holds(self) -> bool:
        """Whether nobody is kept there in any case."""
        return not self.why


def limited(site: Site, ladder: Ladder, limit_ms: int) -> Wait:
    """Try every way of a wait that something follows: whoever is free is asked, and nobody stays for ever."""
    pools = tuple(dict.fromkeys(one.pool for rung in ladder for one in rung.requirement.alternatives))
    trials = [*_limited(site, ladder, limit_ms, pools)]
    why = next((words for words, came in trials if not came), "")
    return Wait(len(trials), limit_ms, why)


def _limited(site: Site, ladder: Ladder, limit_ms: int, pools: Iterable[PoolId]) -> Iterator[tuple[str, bool]]:
    """What happens meanwhile, and whether the ticket goes on when it must, and not before."""
    on = "the caller is never passed on"
    alone = _Trial(site, ladder, limit_ms=limit_ms)
    yield f"nobody is signed in: {on}", alone.has_overflowed and not alone.now
    for pool in pools:
        trial = _Trial(site, ladder, pool, limit_ms=limit_ms)
        asked = trial.ready()
        yield f"somebody of pool '{pool}' is free: is never asked", asked
        yield f"a phone of pool '{pool}' rings at the limit: {on}", asked and trial.climb().refuses(Instant(limit_ms))
        trial = _Trial(site, ladder, pool, limit_ms=limit_ms)
        yield f"everybody in pool '{pool}' is talking: {on}", trial.climb().has_overflowed and trial.now == limit_ms
        trial = _Trial(site, ladder, pool, limit_ms=limit_ms)
        trial.apply(_configured(site, without=pool))
        yield f"pool '{pool}' is taken away: {on}", trial.climb().has_overflowed
        trial = _Trial(site, ladder, pool, limit_ms=limit_ms)
        trial.apply(SignedOut(THEIRS))
        yield f"everybody leaves pool '{pool}': {on}", trial.climb().has_overflowed
        trial = _Trial(site, ladder, pool, limit_ms=limit_ms)
        trial.apply(Closed(pool, POOL_CLOSED))
        yield f"pool '{pool}' closes: {on}", trial.climb().has_overflowed


def wait(site: Site, ladder: Ladder) -> Wait:
    """Try every way of a wait that nothing follows: an agent of the hall who becomes free is asked in every case."""
    staffed = any(one.pool == site.hall for agent in site.agents.values() for one in agent.competences)
    trials = [("nobody works in the hall", staffed), *_trials(site, ladder)]
    why = next((f"{words}: no agent of the hall is ever asked" for words, came in trials if not came), "")
    anyone = Alternative(site.hall)
    asked = [rung.after_ms for rung in ladder if anyone in rung.requirement.alternatives]
    return Wait(len(trials), min(asked, default=0), why)


def _trials(site: Site, ladder: Ladder) -> Iterator[tuple[str, bool]]:
    """What happens meanwhile, and whether the hall is asked after it."""
    pools = dict.fromkeys(one.pool for rung in ladder for one in rung.requirement.alternatives)
    yield "nobody is signed in", _comes(_Trial(site, ladder).climb(), FIRST)
    for pool in pools:
        if pool != site.hall:
            trial = _Trial(site, ladder, pool)
            trial.apply(_configured(site, without=pool))
            yield f"pool '{pool}' is taken away", _comes(trial.climb(), FIRST)
            trial = _Trial(site, ladder, pool)
            trial.apply(SignedOut(THEIRS))
            yield f"everybody leaves pool '{pool}'", _comes(trial.climb(), FIRST)
            trial = _Trial(site, ladder, pool)
            trial.apply(Closed(pool, POOL_CLOSED))
            yield f"pool '{pool}' closes", _comes(trial.climb(), FIRST)
            yield f"everybody in pool '{pool}' is talking", _comes(_Trial(site, ladder, pool).climb(), FIRST)
    for why in Refusal:
        trial = _Trial(site, ladder).climb()
        trial.sign_in(FIRST, site.hall)
        again = trial.apply(Refused(TICKET, FIRST, why))
        yield f"an offer comes to nothing ({why})", _is_offered(again) or _comes(trial, SECOND)


def _comes(trial: "_Trial", agent: AgentId) -> bool:
    """Whether an agent of the hall who sits down now, with no skill at all, is offered the call."""
    return _is_offered(trial.sign_in(agent, trial.hall))


def _is_offered(actions: Iterable[Action]) -> bool:
    return any(isinstance(action, Offer) for action in actions)


def _configured(site: Site, without: PoolId | None = None) -> Configured:
    return Configured(tuple(pool for pool in site.pools if pool != without), site.hall, 0)


class _Trial:
    """A Floor of its own with one ticket; somebody of `pool` is signed in, but busy."""

    def __init__(self, site: Site, ladder: Ladder, pool: PoolId | None = None, limit_ms: int | None = None) -> None:
        self.hall, self.floor, self.now = site.hall, Floor(), Instant(0)
        self.has_overflowed = False
        self.apply(_configured(site))
        if pool is not None:
            skills = dict.fromkeys(site.skills, 5).items()
            able = Competence(pool, tuple(skills), tuple(site.languages))
            self.apply(SignedIn(THEIRS, SeatId("theirs"), (able,), ready=False))
        self.apply(Entered(TICKET, ladder, self.now, limit_ms=limit_ms))

    def apply(self, event: AnyEvent) -> tuple[Action, ...]:
        """What the Floor answers."""
        said = self.floor.apply(event, self.now)
        self.has_overflowed |= any(isinstance(action, Overflowed) for action in said)
        return said

    def ready(self) -> bool:
        """Who is busy no longer is; whether they are offered the call."""
        return _is_offered(self.apply(Readied(THEIRS)))

    def refuses(self, at: Instant) -> bool:
        """Who is rung has not answered by then; whether the ticket stayed for it, and is gone after it."""
        self.now = at
        self.apply(Tick())
        stayed = not self.has_overflowed
        self.apply(Refused(TICKET, THEIRS, Refusal.NO_ANSWER))
        return stayed and self.has_overflowed

    def sign_in(self, agent: AgentId, pool: PoolId) -> tuple[Action, ...]:
        """Somebody without any skill sits down."""
        return self.apply(SignedIn(agent, SeatId(agent), (Competence(pool),)))

    def climb(self) -> "_Trial":
        """Let every wait pass."""
        while (due := self.floor.due()) is not None:
            self.now = due
            self.apply(Tick())
        return self
