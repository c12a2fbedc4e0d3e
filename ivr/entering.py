"""A call's place in the queue: with which ladder it enters, and where its wait may lead instead.

What its pools overflow to is decided when it enters first, and kept in the ledger: other agents stand in the ladder
from then on, a target or a message is a detour, tried when its time has come.  A target that comes to nothing brings
the call back to its own place: the rank is its arrival's, the wait goes on where it was.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from ivr.asking import may_be_called_back
from ivr.dispatcher import Place
from ivr.facts import Detoured, Direction, Queued
from ivr.ledger import ARRIVED, DETOURED, OFFERED, QUEUED, RETURNED, ROUTED
from ivr.visit import Call
from routing.hours import is_open, parse_moment
from routing.ids import Instant, PoolId, TargetId
from routing.ladders import known, ladder, overflows
from routing.outgoing import only
from routing.overflow import CALLBACK, VOICEMAIL, begun, overflowing, preferring
from routing.plan import Destination, Detour, Tier, detour_to, is_urgent
from routing.tickets import Entered, Ladder, Offer

MS = timedelta(milliseconds=1)


@dataclass(slots=True)
class _Decided:
    """What a wait widens and leads to."""

    rungs: Ladder
    too: list[PoolId]
    detours: list[Detour]
    offer_ms: int | None = None


def place(call: Call, tier: Tier) -> Place:
    """The call's place in the queue: its rank is its arrival's, however often it comes to one."""
    ledger, config, dispatcher = call.ledger, call.service.config, call.service.dispatcher
    arrived, step = ledger[ARRIVED], QUEUED.of(_nth(tier, len(_detoured(call, tier))))
    decided = _decided(call, ladder(config, known(config, tier.places)), tier)
    waited_ms = _waited_ms(call, tier)
    rungs = begun(decided.rungs, waited_ms)
    if arrived.direction is Direction.OUT and arrived.agent is not None:
        rungs = only(arrived.agent, config.site.hall)
    elif arrived.agent is not None:
        rungs = preferring(rungs, arrived.agent)
    limit_ms = tier.limit_ms
    entered = Entered(
        call.ticket,
        rungs,
        *rank(call),
        None if limit_ms is None else max(0, limit_ms - waited_ms),
        max(map(int, ledger.which(OFFERED)), default=0),
    )
    if step in ledger:
        return dispatcher.again(entered)
    held = dispatcher.enter(entered)
    ledger.write(step, Queued(call.now(), call.ticket, tuple(decided.too), tuple(decided.detours), decided.offer_ms))
    return held


async def offered(call: Call, tier: Tier, place: Place) -> Offer | None:
    """The offer that stands; None: the place was lost or given up, or it is time for the next detour."""
    detour = next_detour(call, tier)
    if detour is None:
        return await place.offered()
    left_ms = detour.after_ms - _waited_ms(call, tier)
    try:
        async with asyncio.timeout(max(0, left_ms) / 1000):
            return await place.offered()
    except TimeoutError:
        return None


def next_detour(call: Call, tier: Tier) -> Detour | None:
    """Where the wait of this tier leads next, if anywhere."""
    first = call.ledger.get(QUEUED.of(tier.n))
    rest = first.detours[len(_detoured(call, tier)) :] if first else ()
    return rest[0] if rest else None


def take_detour(call: Call, tier: Tier, detour: Detour, place: Place) -> None:
    """Write down that the wait has led there."""
    pools = tuple(PoolId(pool.name) for pool in tier.places)
    step = DETOURED.of(_nth(tier, len(_detoured(call, tier)) + 1))
    call.ledger.write(step, Detoured(call.now(), pools, detour.place, place.reasons()))


def under_way(call: Call, tier: Tier) -> tuple[str, Destination | None] | None:
    """The detour that the call is on: its number, and its target (None: a message); None: the call waits."""
    there = _detoured(call, tier)
    n = _nth(tier, len(there))
    return (n, there[-1].place) if there and RETURNED.of(n) not in call.ledger else None


def detours(call: Call, tier: Tier) -> list[tuple[str, Detoured]]:
    """Everything that this wait has led to, by number."""
    return [(_nth(tier, k), each) for k, each in enumerate(_detoured(call, tier), 1)]


def _nth(tier: Tier, k: int) -> str:
    """The number of the k-th detour of a tier, and of the place in the queue behind it."""
    return f"{tier.n}.{k}" if k else str(tier.n)


def _detoured(call: Call, tier: Tier) -> list[Detoured]:
    return [each for n, each in call.ledger.which(DETOURED).items() if n.startswith(f"{tier.n}.")]


def _waited_ms(call: Call, tier: Tier) -> int:
    """For how long the call has been in this tier."""
    first = call.ledger.get(QUEUED.of(tier.n))
    return 0 if first is None else call.now() - first.at


def rank(call: Call, *, has_returned: bool = False) -> tuple[Instant, int]:
    """First entry and head start of every ticket of this call, after what has happened to it; less what a nuisance has
    deserved.  `has_returned`: to its talk, of which the ledger's own word does not know.
    """
    before, arrived = timedelta(milliseconds=call.ledger[ROUTED].priority_ms), call.ledger[ARRIVED]
    head = call.service.config.site.priorities.later(
        before,
        is_callback=arrived.first_entry is not None,
        has_returned=has_returned or bool(call.ledger.which(RETURNED)),
    )
    slower_ms = 0 if is_urgent(call.ledger[ROUTED]) else arrived.slower_ms
    return arrived.first_entry or arrived.at, head // MS - slower_ms


def _decided(call: Call, rungs: Ladder, tier: Tier) -> _Decided:
    """What the tier's pools overflow to: now, when it is long, or after a while; what is closed is left out."""
    config, dispatcher = call.service.config, call.service.dispatcher
    site = config.site
    decided = _Decided(rungs, [], [])
    foreseen_ms = dispatcher.foreseen(rungs).of(site.announcements.wait.decides)
    for pool in tier.places:
        for rule in overflows(config, pool) if pool.name in site.pools else ():
            after_ms = rule.after_ms(dispatcher.length(PoolId(pool.name)), foreseen_ms)
            if after_ms is not None:
                _apply(call, decided, rule.to, after_ms)
    if call.ledger[ARRIVED].direction is not Direction.IN:  # nobody waits for us there
        decided.detours, decided.offer_ms = [], None
    decided.detours.sort(key=lambda each: each.after_ms)
    if tier.limit_ms is not None:
        decided.detours = [each for each in decided.detours if each.after_ms < tier.limit_ms]
    return decided


def _apply(call: Call, decided: _Decided, to: str, after_ms: int) -> None:
    config, arrived = call.service.config, call.ledger[ARRIVED]
    moment = parse_moment(arrived.moment)
    if to == CALLBACK:
        decided.offer_ms = after_ms if decided.offer_ms is None else min(decided.offer_ms, after_ms)
    elif to == VOICEMAIL:
        decided.detours += [Detour(after_ms)] if may_be_called_back(call) else []
    elif to in config.site.pools:
        if is_open(config.site.pools[PoolId(to)].hours, config.site.calendar, moment):
            decided.rungs = overflowing(decided.rungs, PoolId(to), after_ms)
            decided.too += [PoolId(to)] if after_ms == 0 else []
    else:
        target = detour_to(config, TargetId(to), arrived.arrival, moment)
        decided.detours += [Detour(after_ms, target)] if target is not None else []
