"""The record of a call, computed from its ledger: what happened, added up.  Pure."""

from ivr import parties
from ivr.facts import CallRecord, Direction, Heard, Outcome, Stage
from ivr.ledger import (
    ANSWERED,
    ARRIVED,
    ASKED,
    CONNECTED,
    DECLINED,
    DETOURED,
    DIALLING,
    LEFT,
    MACHINE,
    MESSAGE,
    OFFERED,
    OVERFLOWED,
    QUEUED,
    RATED,
    RELEASED,
    RETURNED,
    ROUTED,
    SAID,
    SURVIVED,
    TAKEN_BACK,
    TRANSFERRED,
    TRANSFERRING,
    UNREACHED,
    Ledger,
)
from routing.callbacks import Result, Why
from routing.config import AnswersWith
from routing.ids import Instant, PoolId, PromptId, TargetId
from routing.plan import Kind

__all__ = ["CallRecord", "Outcome", "Stage", "overflowed", "record"]


def record(ledger: Ledger, node: str, ended: Instant) -> CallRecord:
    """The record of a call that ended at `ended`, or that was found gone then."""
    arrived, route = ledger.get(ARRIVED), ledger.get(ROUTED)
    connected, released = ledger.get(CONNECTED), ledger.get(RELEASED)
    queued = min((place.at for place in ledger.which(QUEUED).values()), default=None)
    answered, outcome = ledger.get(ANSWERED), _outcome(ledger)
    reached = _reached(ledger)
    offers = ledger.which(OFFERED)
    spoken = {name: said for name, said in ledger.which(SAID).items() if said.heard is not Heard.FAILED}
    greeted = _prompts_ended(ledger)
    left, rated = ledger.get(LEFT), ledger.get(RATED)
    served, gone, message = _served(ledger), _gone(ledger), ledger.get(MESSAGE)
    target = ledger[TRANSFERRING.of(served)].target if served else None
    pools = [place for place in route.destinations if place.is_ours] if route and queued else []
    return CallRecord(
        call=ledger.call,
        node=node,
        outcome=outcome,
        arrived=arrived.at if arrived else ended,
        ended=ended,
        line=route.line if route else "",
        name=route.name if route else "",
        phase=str(route.phase) if route else "",
        dialled=arrived.arrival.dialled if arrived else "",
        caller=arrived.arrival.caller if arrived else "",
        trunk=_trunk(ledger),
        diverted_from=arrived.arrival.diverted_from if arrived else None,
        marked=route.marked if route else None,
        moment=arrived.moment if arrived else "",
        rehearsal=arrived.rehearsal if arrived else "",
        answered=answered,
        prompts_ended=greeted,
        queued=queued,
        rang=min((offer.at for offer in offers.values()), default=None),
        connected=reached,
        released=released.at if released else None,
        released_by=released.who if released else None,
        stage=_stage(ledger) if outcome is Outcome.ABANDONED else None,
        cause=_cause(ledger),
        agent=connected.agent if connected else None,
        seat=connected.seat if connected else None,
        pool=connected.pool if connected else None,
        asked_pool=PoolId(pools[0].name) if pools else None,
        skill=next((place.skill for place in pools if place.skill), None),
        target=target,
        machine=bool(target and _is_machine(ledger, target)),
        overflowed=overflowed(ledger),
        offers=len(offers),
        prompts=tuple(PromptId(name) for name in dict.fromkeys(name.partition(".")[0] for name in spoken)),
        callback=_callback(ledger) if outcome is Outcome.CALLED_BACK else None,
        message=(message.at, message.until or (left.at if left else ended)) if message else None,
        rating=rated.level if rated else None,
        wait_ms=_between(queued, reached or gone or ended),
        since_answer_ms=_between(answered, reached),
        since_prompt_end_ms=_between(greeted, reached),
        talk_ms=_between(reached, released.at if released else ended),
        held_ms=parties.held_ms(ledger, released.at if released else ended),
        brought=parties.brought(ledger),
        talks=parties.talks(ledger, released.at if released else ended),
        paused=parties.paused(ledger, ended),
        direction=direction(ledger),
        task=arrived.task if arrived else None,
        result=_result(ledger),
    )


def _cause(ledger: Ledger) -> int:
    said = ledger.get(RELEASED) or ledger.get(UNREACHED) or ledger.get(LEFT)
    return said.cause if said else 0


def _reached(ledger: Ledger) -> Instant | None:
    """When the citizen first heard a person; a machine's answer is none."""
    connected = ledger.get(CONNECTED)
    served = _served(ledger)
    moments = []
    if served and not _is_machine(ledger, ledger[TRANSFERRING.of(served)].target):
        moments.append(ledger[TRANSFERRED.of(served)])
    if connected:
        moments.append(connected.at)
    return min(moments, default=None)


def _served(ledger: Ledger) -> str | None:
    """Which target answered and kept the call."""
    return next((n for n in ledger.which(TRANSFERRED) if RETURNED.of(n) not in ledger), None)


def overflowed(ledger: Ledger) -> tuple[PoolId, ...]:
    """The pools that did not take the call in time."""
    lost = [place.pools for place in ledger.which(OVERFLOWED).values()]
    lost += [place.pools for place in ledger.which(DETOURED).values()]
    return tuple(dict.fromkeys(pool for pools in lost for pool in pools))


def direction(ledger: Ledger) -> Direction:
    """Who called whom."""
    arrived = ledger.get(ARRIVED)
    return arrived.direction if arrived else Direction.IN


def _result(ledger: Ledger) -> Result | None:
    """What came of a call of our own; None: it was given up before it could come to anything, or is no such call."""
    if direction(ledger) is Direction.IN:
        return None
    if CONNECTED in ledger:
        return Result.MACHINE if MACHINE in ledger else Result.ANSWERED
    if TAKEN_BACK in ledger:
        return Result.ANSWERED if SURVIVED in ledger else Result.FAILED
    unreached = ledger.get(UNREACHED)
    if unreached is not None:
        return unreached.result
    if ANSWERED in ledger:
        return Result.REFUSED
    return Result.NO_ANSWER if ledger.which(DIALLING) else None


def _trunk(ledger: Ledger) -> str:
    arrived, dialled = ledger.get(ARRIVED), ledger.which(DIALLING)
    if dialled:
        return list(dialled.values())[-1].trunk
    return arrived.arrival.trunk if arrived else ""


def _is_machine(ledger: Ledger, target: TargetId) -> bool:
    """Whether a menu answers at the target."""
    route = ledger.get(ROUTED)
    places = route.destinations if route else ()
    return any(each.name == target and each.answers_with == AnswersWith.MENU for each in places)


def _callback(ledger: Ledger) -> Why | None:
    """Why they are to be called back: they have asked for it, or were asked for a message."""
    if ASKED in ledger:
        return Why.ASKED
    return Why.VOICEMAIL if any(each.place is None for each in ledger.which(DETOURED).values()) else None


def _gone(ledger: Ledger) -> Instant | None:
    """When they gave their place up to be called back."""
    asked = [ledger[ASKED].at] if ASKED in ledger else []
    return min([*asked, *(each.at for each in ledger.which(DETOURED).values() if each.place is None)], default=None)


def _outcome(ledger: Ledger) -> Outcome:
    if CONNECTED in ledger:
        return Outcome.ANSWERED
    if direction(ledger) is not Direction.IN and TAKEN_BACK not in ledger:
        return Outcome.WITHDRAWN if _result(ledger) is None else Outcome.UNREACHED
    return _without_agent(ledger)


def _without_agent(ledger: Ledger) -> Outcome:
    route, left = ledger.get(ROUTED), ledger.get(LEFT)
    why = left.why if left else ""
    if _served(ledger) is not None:
        return Outcome.TRANSFERRED
    if _callback(ledger) is not None:
        return Outcome.CALLED_BACK
    if TAKEN_BACK in ledger or why in {"fault", "taken-back"}:
        return Outcome.SURVIVAL
    if why == "finished":
        announced = route and route.destinations and route.destinations[-1].kind is Kind.ANNOUNCEMENT
        return Outcome.ANNOUNCED if announced else Outcome.FAILED
    return Outcome.ABANDONED  # also who is gone while nobody of us was there to see it


def _stage(ledger: Ledger) -> Stage:
    """Where the citizen had the patience to come."""
    if ANSWERED not in ledger:
        return Stage.ARRIVAL
    if any(DECLINED.of(n) not in ledger for n in ledger.which(OFFERED)):
        return Stage.RING
    if any(RETURNED.of(n) not in ledger for n in ledger.which(TRANSFERRING)):
        return Stage.TRANSFER
    return Stage.GREETING if _prompts_ended(ledger) is None else Stage.QUEUE


def _prompts_ended(ledger: Ledger) -> Instant | None:
    """When the last of the route's prompts was over; None while there are some to come."""
    route = ledger.get(ROUTED)
    if route is None:
        return None
    if not route.prompts:
        return ledger.get(ANSWERED)
    ends = [ledger.get(SAID.of(prompt.id)) for prompt in route.prompts]
    return max(end.at for end in ends if end) if all(ends) else None


def _between(begin: Instant | None, end: Instant | None) -> int | None:
    return None if begin is None or end is None else max(0, end - begin)
