"""The citizen rates the talk: one prompt, one key, five levels; whoever presses none is let go.

The levels are those of 政务服务“好差评”: 1 非常满意 to 5 非常不满意.
"""

import asyncio

from ivr import parties
from ivr.ari.events import Mailbox
from ivr.ari.models import ChannelDtmfReceived
from ivr.facts import Heard, Party, Rated, Said
from ivr.ledger import CONNECTED, RATED, RELEASED, ROUTED, SAID, SAYING
from ivr.scopes import alongside
from ivr.speech import say
from ivr.visit import Call
from routing.config.site import TargetKind
from routing.ids import TargetId
from routing.plan import Survey
from routing.talk import Kind

LEVELS = {str(level): level for level in range(1, 6)}
"""By key."""


async def ask(call: Call) -> None:
    """Ask the citizen, if the route has a survey, an agent has let go of them, and it was no emergency."""
    survey, released = call.ledger[ROUTED].survey, call.ledger[RELEASED]
    if survey is None or RATED in call.ledger or CONNECTED not in call.ledger or released.who is not Party.AGENT:
        return
    if _was_emergency(call):
        return
    call.service.dispatcher.leave(call.ticket)  # the agent's talk is over, whatever is said of it
    longest_ms = call.service.audio.length_ms(survey.prompt.id) + survey.answer_within_ms
    call.parting(survey.prompt.id, longest_ms)
    with call.ari.mailbox(call.citizen.id) as keys:
        level = await _level(call, survey, longest_ms, keys)
    call.ledger.write(RATED, Rated(call.now(), level))
    if level is not None:
        await say(call, survey.thanks)


def _was_emergency(call: Call) -> bool:
    """A desk of 110, 119, 120 or 122 was asked in, whether it came or not."""
    talk, targets = parties.talk(call.ledger), call.service.config.site.targets
    if talk is None or talk.has_emergency:
        return True
    names = [each.whom.name for each in talk.parties if each.whom is not None and each.whom.kind is Kind.TARGET]
    return any(targets[name].kind is TargetKind.EMERGENCY for name in map(TargetId, names) if name in targets)


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
