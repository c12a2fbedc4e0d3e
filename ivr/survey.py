"""The citizen rates the talk: one prompt, one key, five levels; whoever presses none is let go.

The levels are those of 政务服务“好差评”: 1 非常满意 to 5 非常不满意.
"""

import asyncio

from ivr.ari.events import Mailbox
from ivr.ari.models import ChannelDtmfReceived
from ivr.facts import Heard, Party, Rated, Said
from ivr.ledger import CONNECTED, RATED, RELEASED, ROUTED, SAID, SAYING
from ivr.scopes import alongside
from ivr.speech import say
from ivr.visit import DONE, LEASE, Call
from routing.plan import Survey

LEVELS = {str(level): level for level in range(1, 6)}
"""By key."""

SLACK_MS = 30_000
"""How much longer than the survey the dialplan waits before it ends a call of which we have forgotten."""


async def ask(call: Call) -> None:
    """Ask the citizen, if the route has a survey and an agent has let go of them; music plays around the words."""
    survey, released = call.ledger[ROUTED].survey, call.ledger[RELEASED]
    if survey is None or RATED in call.ledger or CONNECTED not in call.ledger or released.who is not Party.AGENT:
        return
    call.service.dispatcher.leave(call.ticket)  # the agent's talk is over, whatever is said of it
    longest_ms = call.service.audio.length_ms(survey.prompt.id) + survey.answer_within_ms
    if SAYING.of(survey.prompt.id) not in call.ledger:  # else both are done, and would wait for the end of the prompt
        call.citizen.put(DONE, "1")
        call.citizen.put(LEASE, str((longest_ms + SLACK_MS) // 1000))
        call.citizen.music()
    with call.ari.mailbox(call.citizen.id) as keys:
        level = await _level(call, survey, longest_ms, keys)
    call.ledger.write(RATED, Rated(call.now(), level))
    if level is not None:
        await say(call, survey.thanks)


async def _level(call: Call, survey: Survey, longest_ms: int, keys: Mailbox) -> int | None:
    """The first key that is a level, while the prompt is said or within the time after it; None without one."""
    try:
        async with alongside(say(call, survey.prompt), f"survey:{call.id}"), asyncio.timeout(longest_ms / 1000):
            return await _pressed(keys)
    except TimeoutError:
        return None
    finally:
        if SAYING.of(survey.prompt.id) in call.ledger and SAID.of(survey.prompt.id) not in call.ledger:
            call.ledger.write(SAID.of(survey.prompt.id), Said(call.now(), Heard.CUT))


async def _pressed(keys: Mailbox) -> int:
    while True:
        level = LEVELS.get((await keys.next(ChannelDtmfReceived)).digit)
        if level is not None:
            return level
