"""Calls of our own: what is said in them, and which agent they ask for.  Pure.

A citizen who is called back has the way to a person of whoever dials their line now, without prompts but the notice; an
agent who calls out is asked for alone, before everything that waits.
"""

from datetime import datetime

import msgspec

from routing import prompts as said
from routing.config.site import Config
from routing.ids import AgentId, PoolId, PromptId
from routing.plan import Arrival, Destination, Kind, Route, SpokenPrompt, plan
from routing.tickets import Alternative, Ladder, Requirement, Rung

AT_ONCE_MS = 1 << 50
"""The priority of an agent's own call: before everybody who waits."""


def called_back(config: Config, line: str, number: str, now: datetime) -> Route:
    """The route of a call-back to somebody who dialled `line`; `now` is civil time."""
    known = line if line in config.lines else config.site.number
    route = plan(config, arrival(known, number), now)
    ours = tuple(place for place in route.destinations if place.is_ours) or (_hall(config),)
    return msgspec.structs.replace(
        route,
        prompts=(_say(config, said.CALLBACK_NOTICE),),
        destinations=ours,
        whispers_first=said.WHISPER_CALLBACK,
        marked=None,
    )


def called_out(config: Config, number: str, now: datetime) -> Route:
    """The route of a call that an agent makes."""
    route = plan(config, arrival(config.site.number, number), now)
    return msgspec.structs.replace(
        route,
        prompts=(_say(config, said.CALLING_OUT_NOTICE),),
        destinations=(_hall(config),),
        marked=None,
        priority_ms=AT_ONCE_MS,
        survey=None,
    )


def arrival(line: str, number: str) -> Arrival:
    """As if whoever is called had dialled the line."""
    return Arrival(line, line, number, recognised=True, diverted_from=None, trunk="")


def only(agent: AgentId, pool: PoolId) -> Ladder:
    """The ladder of a ticket that is this agent's alone, whose talk counts for `pool`."""
    return (Rung(Requirement((Alternative(pool, agent=agent),))),)


def _hall(config: Config) -> Destination:
    return Destination(Kind.POOL, config.site.hall, is_ours=True)


def _say(config: Config, prompt: PromptId) -> SpokenPrompt:
    known = config.prompts[prompt]
    return SpokenPrompt(prompt, known.must_hear, known.text)
