"""What a caller who waits hears between the music: position and wait in bands, the key for being called back, and why
a pool is closed.

Each announcement is a step before it is said, so that a restart neither repeats nor forgets one.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from ivr.asking import is_due, is_offered, offer_at
from ivr.broadcasts import Broadcast
from ivr.dispatcher import Place
from ivr.facts import Announced
from ivr.ledger import ANNOUNCED, QUEUED
from ivr.scopes import alongside
from ivr.speech import Speech, say
from ivr.visit import Call
from routing.estimate import words
from routing.ids import Instant, PromptId
from routing.plan import SpokenPrompt
from routing.prompts import CALLBACK_OFFER

MS = timedelta(milliseconds=1)

AGAIN_S = 5.0
"""An agent's phone rings just when something is to be said: it may come to nothing."""


@asynccontextmanager
async def announcing(call: Call, place: Place, speech: Speech) -> AsyncIterator[None]:
    """Announce while the block lasts, once `speech` has said its prompts; `speech.cut` ends it too."""
    async with alongside(_announce(call, place, speech), f"announcing:{call.id}") as speech.news:
        yield
    speech.news = None


async def _announce(call: Call, place: Place, speech: Speech) -> None:
    await speech.said.wait()
    await _finish(call)
    while True:
        broadcast = _unheard(call)
        if broadcast is not None:
            await _say(call, Announced(call.now(), (broadcast.prompt,), broadcast=broadcast.id))
            continue
        reasons = await _told(place, _wait_s(call))
        if reasons:
            await _say(call, Announced(call.now(), reasons))
        if reasons or _unheard(call) is not None:
            continue
        estimate = place.estimate()
        if estimate is None:
            await asyncio.sleep(AGAIN_S)
            continue
        how, place_at = call.service.config.site.announcements, _place_at(call)
        is_about_place = place_at is not None and place_at <= call.now()
        said = words(estimate, how.wait, with_position=how.position) if is_about_place else ()
        if is_due(call, estimate):
            said = (*said, CALLBACK_OFFER)
        if said:
            await _say(call, Announced(call.now(), said, estimate if is_about_place else None))


def _unheard(call: Call) -> Broadcast | None:
    """What all who wait are to hear, and this one has not heard yet."""
    heard = {each.broadcast for each in call.ledger.which(ANNOUNCED).values()}
    return next((each for each in _broadcasts(call) if each.id not in heard), None)


def _wait_s(call: Call) -> float | None:
    """How long from now until something is to be said; None: nothing ever is."""
    moments = [at for at in (_place_at(call), _offer_at(call)) if at is not None]
    return max(0.0, (min(moments) - call.now()) / 1000) if moments else None


def _place_at(call: Call) -> int | None:
    """When position and wait are said next."""
    how = call.service.config.site.announcements
    if not how.on:
        return None
    last = [each.at for each in call.ledger.which(ANNOUNCED).values() if each.estimate is not None]
    return last[-1] + how.every // MS if last else _began(call) + how.after // MS


def _offer_at(call: Call) -> int | None:
    """When they are told of the key by itself, if nothing else has told them of it before."""
    return None if is_offered(call) else offer_at(call)


def _began(call: Call) -> Instant:
    return min(place.at for place in call.ledger.which(QUEUED).values())


async def _told(place: Place, wait_s: float | None) -> tuple[PromptId, ...]:
    """What the Floor has told the caller, or nothing when the time is over, or the place: then others will say it."""
    try:
        async with asyncio.timeout(wait_s):
            await place.told.wait()
    except TimeoutError:
        return ()
    return () if place.is_over else place.reasons()


async def _say(call: Call, announced: Announced) -> None:
    n = call.ledger.count(ANNOUNCED) + 1
    call.ledger.write(ANNOUNCED.of(n), announced)
    await _each(call, n, announced)


async def _finish(call: Call) -> None:
    """What an earlier life began to say."""
    n = call.ledger.count(ANNOUNCED)
    if n:
        await _each(call, n, call.ledger[ANNOUNCED.of(n)])


async def _each(call: Call, n: int, announced: Announced) -> None:
    told = next((each for each in _broadcasts(call) if each.id == announced.broadcast), None)
    for prompt in announced.prompts:
        known = call.service.config.prompts.get(prompt)
        if known is not None:  # a reload may have taken it away
            await say(call, SpokenPrompt(prompt, must_hear=False, text=known.text), mark=f"{prompt}.{n}")
        elif told is not None:
            spoken = SpokenPrompt(prompt, must_hear=False, text=told.text, length_ms=told.length_ms)
            await say(call, spoken, mark=f"{prompt}.{n}")


def _broadcasts(call: Call) -> list[Broadcast]:
    return call.service.dispatcher.broadcasts.to(call.ticket)
