"""A wait in the queue, tried on the Floor: whatever becomes of pools and agents meanwhile, the hall takes the ticket.

The route of a call is decided once and kept; this shows that the ladder in it stays good while it waits.
"""

from collections.abc import Iterable, Iterator

import msgspec

from routing.config.site import Site
from routing.floor import Floor
from routing.ids import AgentId, Instant, PoolId, SeatId, TicketId
from routing.tickets import (
    Action,
    Alternative,
    Competence,
    Configured,
    Entered,
    Ladder,
    Offer,
    Refusal,
    Refused,
    SignedIn,
    SignedOut,
    Tick,
)

TICKET = TicketId("the caller")
FIRST, SECOND, THEIRS = (AgentId(each) for each in ("first", "second", "theirs"))


class Wait(msgspec.Struct, frozen=True):
    """What came of a ladder: how many ways were walked, when the hall is asked at the latest, and which way fails."""

    walked: int
    hall_after_ms: int
    why: str = ""

    @property
    def reaches_hall(self) -> bool:
        """Whether an agent of the hall who becomes free is offered the call in every case."""
        return not self.why


def wait(site: Site, ladder: Ladder) -> Wait:
    """Try every way."""
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

    def __init__(self, site: Site, ladder: Ladder, pool: PoolId | None = None) -> None:
        self.hall, self.floor, self.now = site.hall, Floor(), Instant(0)
        self.apply(_configured(site))
        if pool is not None:
            skills = dict.fromkeys(site.skills, 5).items()
            self.apply(SignedIn(THEIRS, SeatId("theirs"), (Competence(pool, tuple(skills)),), ready=False))
        self.apply(Entered(TICKET, ladder, self.now))

    def apply(self, event: Configured | Entered | Refused | SignedIn | SignedOut | Tick) -> tuple[Action, ...]:
        """What the Floor answers."""
        return self.floor.apply(event, self.now)

    def sign_in(self, agent: AgentId, pool: PoolId) -> tuple[Action, ...]:
        """Somebody without any skill sits down."""
        return self.apply(SignedIn(agent, SeatId(agent), (Competence(pool),)))

    def climb(self) -> "_Trial":
        """Let every wait pass."""
        while (due := self.floor.due()) is not None:
            self.now = due
            self.apply(Tick())
        return self
