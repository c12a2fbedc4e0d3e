"""Who is there: phones that are registered, and in no call but ours, and desks that say so some times a minute.

An agent who has opened a desk is judged by both, until they close it or are signed out; one without a desk by the phone
alone.  Only who is ready or paused is lost by it: from a talk nothing is taken.  A restart forgets which desks are
open; who was unreachable for want of one still is, until it speaks again.

A seat can dial 110, 119, 120 and 122 by itself, and survival may have rung it: its agent is paused for as long.
"""

import logging
from collections.abc import Iterable, Mapping

from ivr.ari.client import Ari
from ivr.ari.models import Endpoint
from ivr.dispatcher import Dispatcher
from ivr.edge.protocols import Clock
from ivr.errors import AriError, ConnectionLost
from routing.config import Site
from routing.ids import AgentId, Instant, SeatId
from routing.standing import AgentView
from routing.tickets import AgentState, Lost, Paused, Reached, Readied

log = logging.getLogger(__name__)

LOSABLE = frozenset({AgentState.READY, AgentState.PAUSED})

PHONE, DESK = "phone", "desk"
"""Why somebody is unreachable."""

FREE = frozenset({AgentState.READY, AgentState.WRAP_UP})

ELSEWHERE = "on another call"
"""Why somebody is paused whose phone is in a call that is not ours."""

LOOKS = 3
"""A phone is gone once it was gone at so many looks in a row: one that registers anew may be gone at one or two."""


class Presence:
    """Owns what is known of phones and desks."""

    def __init__(self, dispatcher: Dispatcher, clock: Clock) -> None:
        self._dispatcher, self._clock = dispatcher, clock
        self._beats: dict[AgentId, Instant] = {}
        self._gone: dict[AgentId, int] = {}

    def beats(self, agent: AgentId) -> None:
        """The agent's desk is open, and there."""
        self._beats[agent] = self._clock.instant()

    def closes(self, agent: AgentId) -> None:
        """The agent has closed the desk: from now on the phone alone counts."""
        self._beats.pop(agent, None)

    def look(self, site: Site, phones: Mapping[SeatId, bool]) -> None:
        """Tell the Floor who is lost and who is reached again; `phones`: seat -> whether one is registered there.

        A seat that is not named is one of which nobody knows now.
        """
        views = {view.agent: view for view in self._dispatcher.agents()}
        for known in (self._beats, self._gone):
            for agent in [each for each in known if each not in views]:
                del known[agent]
        for view in views.values():
            has_phone = phones.get(view.seat)
            if has_phone is not None:
                self._gone[view.agent] = 0 if has_phone else self._gone.get(view.agent, 0) + 1
            if view.state is AgentState.UNREACHABLE and has_phone and self._has_desk(view, site):
                self._dispatcher.apply(Reached(view.agent))
            elif view.state in LOSABLE and (why := self._why_lost(view, site)):
                log.warning("agent %s at %s is unreachable: their %s is gone", view.agent, view.seat, why)
                self._dispatcher.apply(Lost(view.agent, why))

    def look_elsewhere(self, elsewhere: Mapping[SeatId, bool]) -> None:
        """Tell the Floor whose phone is in a call that is not ours, and whose is no longer; as `look` does."""
        for view in self._dispatcher.agents():
            is_away = elsewhere.get(view.seat)
            if is_away and view.state in FREE:
                log.info("agent %s at %s is on a call that is not ours", view.agent, view.seat)
                self._dispatcher.apply(Paused(view.agent, ELSEWHERE))
            elif is_away is False and view.state is AgentState.PAUSED and view.reason == ELSEWHERE:
                self._dispatcher.apply(Readied(view.agent))

    def _why_lost(self, view: AgentView, site: Site) -> str:
        if not self._has_desk(view, site):
            return DESK
        return PHONE if self._gone.get(view.agent, 0) >= LOOKS else ""

    def _has_desk(self, view: AgentView, site: Site) -> bool:
        """Whether the agent's desk is there, or none is to be expected."""
        beat = self._beats.get(view.agent)
        if beat is None:
            return view.reason != DESK
        return self._clock.instant() - beat < site.timing.desk_silent_for.total_seconds() * 1000


async def endpoints(ari: Ari | None) -> tuple[Endpoint, ...] | None:
    """Every seat and trunk, as Asterisk has them; None when it cannot be asked."""
    try:
        return await ari.endpoints() if ari is not None else None
    except (AriError, ConnectionLost) as error:
        log.warning("phones: %s", error)
        return None


def registered(found: Iterable[Endpoint]) -> dict[SeatId, bool]:
    """Whether a phone is registered at each seat."""
    return {SeatId(each.resource): each.state == "online" for each in found}


def elsewhere(found: Iterable[Endpoint]) -> dict[SeatId, bool]:
    """Whether each seat has a channel that is not ours: Asterisk's own names have a dot, and none of ours has."""
    return {SeatId(each.resource): any("." in channel for channel in each.channel_ids) for each in found}
