"""A call's life, read from top to bottom, and always entered at the top: a new call has an empty ledger, that is all.

The ways out are a closed set (`Way`); `leaving` is the only door.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum

from ivr import conversation, entering, parties, reach, voicemail
from ivr.asking import is_promised, promise
from ivr.errors import AriError, CallerHungUp, ConnectionLost, Replaced, TakenBack
from ivr.facts import Left, Party, Released
from ivr.farewell import farewell
from ivr.ledger import (
    ANSWERED,
    ARRIVED,
    ENDED,
    LEFT,
    OVERFLOWED,
    RELEASED,
    RETURNED,
    ROUTED,
    SAID,
    TAKEN_BACK,
    TALK,
)
from ivr.record import record
from ivr.speech import say
from ivr.visit import GREETED, Call
from routing.arrival import Arrival
from routing.causes import NUMBER_CHANGED
from routing.hours import parse_moment
from routing.ids import Instant, PromptId
from routing.numbers import mask
from routing.plan import Kind, Route, SpokenPrompt, Tier, plan, tiers
from routing.prompts import OVERFLOWING
from routing.talk import Room

log = logging.getLogger(__name__)

SURVIVAL = "survival"
"""The dialplan's context for callers whom we cannot serve; see dialplans/hotline/extensions.conf."""


class Way(StrEnum):
    """How a call's coroutine ends.  A fifth way, detached, touches nothing: the next life goes on with the call."""

    FINISHED = "finished"
    HUNG_UP = "hung-up"
    FAULT = "fault"
    TAKEN_BACK = "taken-back"


async def serve(call: Call) -> None:
    """Carry one visit to its record: from its first moment, or from where an earlier life of ours left it."""
    async with leaving(call):
        route = _routed(call)
        async with call.citizen.alive():
            if route.destinations[-1].kind is Kind.ANNOUNCEMENT:
                await _announce(call, route)
                return
            await call.once(ANSWERED, lambda: _answer(call))
            if not call.is_bridged:
                admit(call)
        prompts: tuple[SpokenPrompt, ...] = route.prompts
        for tier in tiers(route):
            while not _is_over(call, tier):
                async with call.citizen.alive():
                    person = await _reach(call, tier, (*prompts, *_meanwhile(call, tier)))
                    if person is None and is_promised(call):
                        await promise(call)
                        return
                if person is not None and not await talked(call, tier, person):
                    async with call.citizen.alive():
                        await farewell(call)
                    return
            prompts = (*prompts, *_meanwhile(call, tier), *_after(call, tier))


def _is_over(call: Call, tier: Tier) -> bool:
    return RETURNED.of(tier.n) in call.ledger or OVERFLOWED.of(tier.n) in call.ledger


def _meanwhile(call: Call, tier: Tier) -> tuple[SpokenPrompt, ...]:
    """What is said of where a wait has led, of targets from which the call came back, and why a pool is closed."""
    prompts: list[SpokenPrompt] = []
    for n, detoured in entering.detours(call, tier):
        prompts += _reasons(call, detoured.reasons)
        if detoured.place is not None:
            prompts.append(_fixed(call, OVERFLOWING))
            if RETURNED.of(n) in call.ledger and detoured.place.sorry:
                prompts.append(detoured.place.sorry)
    return tuple(dict.fromkeys(prompts))


def _after(call: Call, tier: Tier) -> tuple[SpokenPrompt, ...]:
    """What is said when a tier has come to nothing: of a target, or why pools that were given up are closed."""
    place = tier.places[0]
    if place.sorry:
        return (place.sorry,)
    overflowed = call.ledger.get(OVERFLOWED.of(tier.n))
    return _reasons(call, overflowed.reasons if overflowed else ())


def _reasons(call: Call, reasons: Sequence[PromptId]) -> tuple[SpokenPrompt, ...]:
    known = call.service.config.prompts  # a reload may have taken one away
    return tuple(SpokenPrompt(each, must_hear=False, text=known[each].text) for each in reasons if each in known)


def _fixed(call: Call, prompt: PromptId) -> SpokenPrompt:
    known = call.service.config.prompts[prompt]
    return SpokenPrompt(prompt, known.must_hear, known.text)


def _routed(call: Call) -> Route:
    """The route as it was decided when the call arrived; a reload changes nothing for a call in progress."""
    known = call.ledger.get(ROUTED)
    if known is not None:
        return known
    arrived = call.ledger[ARRIVED]
    route = plan(call.service.config, arrived.arrival, parse_moment(arrived.moment))
    call.ledger.write(ROUTED, route)
    log.info("%s for %s, %s", _described(arrived.arrival), route.line, route.phase)
    return route


async def _answer(call: Call) -> Instant:
    """200 OK, the bridge, and music at once: in a bridge it plays whenever nothing else does."""
    await call.citizen.answer()
    admit(call)
    call.citizen.music()
    return call.now()


def admit(call: Call) -> None:
    """The citizen into the bridge of the call, which is made for it."""
    call.bridge.create()
    call.bridge.admit(call.citizen)
    call.is_bridged = True


async def _announce(call: Call, route: Route) -> None:
    """The spoken reason as early media: the caller does not pay, and hears the network's own word after it.

    A carrier that drops early media would let them hear nothing: there it is answered first.
    """
    trunk = call.service.config.site.trunks.get(call.ledger[ARRIVED].arrival.trunk)
    if trunk is not None and not trunk.early_media:
        await call.once(ANSWERED, lambda: _answer(call))
    for prompt in route.prompts:
        await say(call, prompt)
    if RELEASED not in call.ledger:
        call.ledger.write(RELEASED, Released(call.now(), Party.ENGINE, NUMBER_CHANGED))


async def _reach(call: Call, tier: Tier, prompts: tuple[SpokenPrompt, ...]) -> reach.Person | None:
    place, detour = tier.places[0], entering.under_way(call, tier)
    if not place.is_ours:
        return await reach.target(call, tier.n, place, prompts)
    if detour is None:
        return await reach.agent(call, tier, prompts)
    call.service.dispatcher.leave(call.ticket)  # the life that wrote it down may not have come so far
    n, elsewhere = detour
    if elsewhere is not None:
        return await reach.target(call, n, elsewhere, prompts)
    await voicemail.take(call, prompts)
    return None


async def talked(call: Call, tier: Tier, person: reach.Person) -> bool:
    """Until one of the two leaves.  True when a target let go so soon that the next destination is tried."""
    released = await conversation.over(call, person)
    n, place = entering.under_way(call, tier) or (tier.n, tier.places[0])
    if conversation.came_back(call, n, place or tier.places[0], person, released):
        return True
    if RELEASED not in call.ledger:
        call.ledger.write(RELEASED, released)
    if released.who is Party.CITIZEN:
        raise CallerHungUp(call.citizen.id, released.cause)
    return False


@asynccontextmanager
async def leaving(call: Call) -> AsyncIterator[None]:
    """The one way out: whatever the call held is let go, and its record is written."""
    cause = 0
    try:
        yield
        way = Way.FINISHED
    except CallerHungUp as left:
        way, cause = Way.HUNG_UP, left.cause
    except TakenBack:
        way = Way.TAKEN_BACK
    except (ConnectionLost, Replaced, asyncio.CancelledError):
        log.info("detached: the call lives on in Asterisk")
        raise
    except Exception:
        log.exception("a fault; the dialplan takes the caller")
        way = Way.FAULT
        await _give_back(call)
    _let_go(call, way)
    if way in {Way.FAULT, Way.TAKEN_BACK}:
        call.ledger.write(TAKEN_BACK, call.now())
    call.ledger.write(LEFT, Left(call.now(), way, cause))
    ended = record(call.ledger, call.service.config.site.node, call.now())
    call.ledger.write(ENDED, ended)
    log.info(
        "%s: line %s, %s %s, waited %s ms, talked %s ms, cause %s",
        way, ended.line, ended.outcome, ended.agent or ended.target or "by nobody", ended.wait_ms or 0,
        ended.talk_ms or 0, ended.cause,
    )  # fmt: skip


async def _give_back(call: Call) -> None:
    """A fault of ours never means dead air: the survival path brings the caller to a person, unless they had theirs."""
    if RELEASED in call.ledger:
        call.citizen.hang_up()
        return
    route = call.ledger.get(ROUTED)
    try:
        if route is not None and any(SAID.of(prompt.id) in call.ledger for prompt in route.prompts):
            with contextlib.suppress(AriError):  # to be greeted twice is better than to stay here
                await call.citizen.set(GREETED, "1")
        await call.citizen.continue_to(SURVIVAL)
    except AriError as error:
        log.error("the caller could not be given back: %s", error)  # noqa: TRY400 - the fault itself is logged above


def _let_go(call: Call, way: Way) -> None:
    for ticket in (call.ticket, *parties.tickets(call.ledger)):
        call.service.dispatcher.leave(ticket)
    for other in call.others:
        other.hang_up()
    if call.resumed or ANSWERED in call.ledger:
        call.bridge.delete()
    if Room.SIDE in call.rooms.values() or call.ledger.count(TALK):
        call.room(Room.SIDE).delete()
        for n in parties.supervisors(call.ledger):
            call.room(Room.EAR, n).delete()
    if way is Way.FINISHED:  # once: a second request would replace the cause that the network is told
        released = call.ledger.get(RELEASED)
        call.citizen.hang_up(released.cause if released is not None and released.who is Party.ENGINE else None)


def _described(arrival: Arrival) -> str:
    return f"a call from {mask(arrival.caller)} to {arrival.dialled} over {arrival.trunk}"
