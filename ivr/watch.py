"""Looks, now and then, at what must not be: each alarm is said once in the log, and stands until it is over."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

import msgspec

from ivr.dispatcher import Dispatcher
from ivr.edge.protocols import Clock
from routing.config import Timing
from routing.ids import Instant
from routing.outward import why
from routing.talk import Talk
from routing.tickets import AgentState

log = logging.getLogger(__name__)

EVERY_S = 1.0
LOAD = 20
"""After a look at least so many times as long is rested."""

Check = Callable[[], str]
"""What is wrong, in one sentence; empty: nothing is."""

IDLE_AGENTS = "idle-agents"
"""The alarm that callers wait while somebody who may take them is idle."""

UNREACHED = "emergency-unreached"
"""The alarm that nobody answers at an emergency desk for which a citizen waits."""

TALK_TOO_LONG = "talk-too-long"
"""The alarm that an agent talks, holds or consults beyond its limit; nobody is hung up."""

DATABASE_AWAY = "database-away"


class Alarm(msgspec.Struct, frozen=True):
    """Something that must not be, and since when."""

    name: str
    since: Instant
    sentence: str


class Watch:
    """Who raises alarms; `checks` by the names of their alarms."""

    def __init__(self, clock: Clock, checks: Mapping[str, Check]) -> None:
        self._clock = clock
        self._checks = checks
        self.standing: dict[str, Alarm] = {}
        self.raised = dict.fromkeys(checks, 0)
        """How often each has been raised in this life."""

    async def run(self) -> None:
        """Look, for ever."""
        while True:
            await asyncio.sleep(EVERY_S)
            began = self._clock.instant()
            self.look()
            took_s = (self._clock.instant() - began) / 1000
            await asyncio.sleep(LOAD * took_s)

    def look(self) -> None:
        """Raise what is wrong now, and lower what is over."""
        for name, check in self._checks.items():
            sentence, known = check(), self.standing.get(name)
            if sentence and known is None:
                log.error("alarm %s: %s", name, sentence)
                self.raised[name] += 1
            elif known is not None and not sentence:
                del self.standing[name]
                log.warning("alarm %s is over, after %d s", name, (self._clock.instant() - known.since) / 1000)
            if sentence:
                self.standing[name] = Alarm(name, known.since if known else self._clock.instant(), sentence)


def unreached(talks: Iterable[Talk]) -> str:
    """The check of `UNREACHED`."""
    found = [
        f"{desk.name} for call {talk.call} (agent {talk.owner.name if talk.owner else 'gone'}: {why(desk.cause)})"
        for talk in talks
        for desk in talk.unreached
    ]
    return f"nobody answers at {', '.join(found)}: the citizen was told to dial it" if found else ""


def too_long(dispatcher: Dispatcher, timing: Timing, now: Instant) -> str:
    """The check of `TALK_TOO_LONG`."""
    limits = {
        AgentState.TALKING: timing.talk_limit,
        AgentState.HOLDING: timing.hold_limit,
        AgentState.CONSULTING: timing.consult_limit,
    }
    found = [
        f"agent {view.agent} is {view.state} for {(now - view.since) // 60_000} min (call {view.ticket})"
        for view in dispatcher.agents()
        if view.state in limits and timedelta(milliseconds=now - view.since) >= limits[view.state]
    ]
    return f"{', '.join(found)}: longer than site.yaml says" if found else ""


def idle_agents(dispatcher: Dispatcher) -> str:
    """The check of `IDLE_AGENTS`."""
    found = dispatcher.idle_beside()
    if not found:
        return ""
    worst = max(found, key=lambda each: each.for_ms)
    return (
        f"{len(found)} wait while agents are idle: {worst.ticket} for {worst.for_ms / 1000:.0f} s beside {worst.agent}"
    )
