"""What is shown of the switch now: values made for JSON.  Callers' numbers are masked."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from ivr import parties
from ivr.dispatcher import Dispatcher
from ivr.entries import Entry
from ivr.facts import CallRecord, Direction, Outcome, Reached
from ivr.journal import CALL, RECORD
from ivr.ledger import (
    ANSWERED,
    ARRIVED,
    DECLINED,
    DIALLING,
    OFFERED,
    QUEUED,
    RELEASED,
    RETURNED,
    ROUTED,
    TRANSFERRING,
    Ledger,
)
from ivr.record import overflowed
from routing import outward
from routing.callbacks import Result
from routing.config import Config
from routing.ids import AgentId, CallId, Instant, LanguageId, PoolId, SeatId, SkillId
from routing.numbers import mask
from routing.standing import AgentView, TicketView
from routing.talk import SUPERVISORS, Aim, Doing, Role, Room, Talk
from routing.tickets import Requirement

ROUND_MS = 30_000
"""To what an expected wait is rounded up: an exact figure would be another one at each look."""

SUPERVISING = frozenset({Aim.SUPERVISE, Aim.TAKE_OVER})
"""What supervisors are in a conversation for."""


class LivingCall(msgspec.Struct, frozen=True):
    """A call in progress: `stage` is arrival, greeting, queue, ring, transfer, talk, hold or leaving; also dialling.

    `overflowed`: the pools that did not take it in time.  `unreached`: emergency numbers without an answer.  A call
    of our own has another `direction` than `in`: `caller` is whom we call, `task` the call for which they are called
    back.
    """

    call: CallId
    line: str
    name: str
    phase: str
    dialled: str
    caller: str
    marked: str | None
    stage: str
    arrived: Instant
    for_ms: int
    with_: str = msgspec.field(name="with")
    overflowed: tuple[str, ...] = ()
    direction: Direction = Direction.IN
    task: CallId | None = None
    unreached: tuple[str, ...] = ()


class EndedCall(msgspec.Struct, frozen=True):
    """A call that has its record; `result` of a call of our own: what came of it.

    `reached`: how far the dialplan has brought somebody; None while it is not known.  `direction` seat: the phone at
    `seat` has dialled an emergency number by itself, and `with` is the desk.  `lacks_ms`: so much of `recording` did
    the disk not take.
    """

    call: CallId
    line: str
    name: str
    phase: str
    dialled: str
    caller: str
    marked: str | None
    outcome: Outcome
    arrived: Instant
    ended: Instant
    with_: str = msgspec.field(name="with")
    overflowed: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    wait_ms: int | None = None
    talk_ms: int | None = None
    rating: int | None = None
    recording: str = ""
    direction: Direction = Direction.IN
    task: CallId | None = None
    result: Result | None = None
    reached: Reached | None = None
    answered: Instant | None = None
    seat: SeatId | None = None
    lacks_ms: int = 0


class ShownAgent(msgspec.Struct, frozen=True):
    """An agent of the config; state signed-out for those who are not there."""

    agent: AgentId
    name: str
    seat: SeatId | None
    pools: tuple[str, ...]
    state: str
    for_ms: int
    call: str | None
    reason: str
    then: str | None
    by: str = ""


class ShownTicket(msgspec.Struct, frozen=True):
    """A place in the queue, in the order of rank.

    `pools`: whose agents may take it now, the preferred first, of whom it asks for `skill` (at `level` or more) and
    `language`.  `priority_ms`: its head start.  `expected_ms`: how long it will wait yet, in whole half minutes, by the
    estimate that site.yaml has chosen; null: nothing is known.
    """

    call: CallId
    line: str
    rung: int
    state: str
    offered_to: AgentId | None
    waits_ms: int
    pools: tuple[PoolId, ...] = ()
    skill: SkillId | None = None
    level: int = 1
    language: LanguageId | None = None
    priority_ms: int = 0
    expected_ms: int | None = None


class Waiting(msgspec.Struct, frozen=True):
    """What is known of a ticket that waits."""

    view: TicketView
    requirement: Requirement
    priority_ms: int
    expected_ms: int | None


def living(ledger: Ledger, now: Instant) -> LivingCall:
    """A call in progress, from its ledger."""
    arrived, route = ledger[ARRIVED], ledger.get(ROUTED)
    talk = parties.talk(ledger)
    targets = [each.target for n, each in ledger.which(TRANSFERRING).items() if RETURNED.of(n) not in ledger]
    return LivingCall(
        ledger.call,
        route.line if route else arrived.arrival.number,
        route.name if route else "",
        str(route.phase) if route else "",
        arrived.arrival.dialled,
        mask(arrived.arrival.caller),
        route.marked if route else None,
        stage(ledger),
        arrived.at,
        now - arrived.at,
        _with(talk) if talk else targets[-1] if targets else "",
        overflowed(ledger),
        arrived.direction,
        arrived.task,
        parties.unreached(ledger),
    )


def inside(ledger: Ledger) -> tuple[AgentId, ...]:
    """The agents who talk in a call, or are rung for it; none once the talk is over."""
    talk = parties.talk(ledger) if RELEASED not in ledger else None
    return tuple(party.agent for party in talk.parties if party.agent and party.is_alive) if talk else ()


def _with(talk: Talk) -> str:
    """Who is there for the citizen, but for those who supervise."""
    return ", ".join(each.name for each in talk.parties[1:] if each.is_there and not each.by)


STAGES = ("arrival", "greeting", "queue", "ring", "dialling", "transfer", "talk", "hold", "leaving")
"""How far a call can have come."""


def stage(ledger: Ledger) -> str:
    """How far a call has come: one of `STAGES`."""
    if RELEASED in ledger:
        return "leaving"
    talk = parties.talk(ledger)
    if talk is not None:
        return "hold" if talk.doing(talk.parties[0]) is Doing.HELD else "talk"
    if ANSWERED not in ledger:
        return _before_answer(ledger)
    if any(DECLINED.of(n) not in ledger for n in ledger.which(OFFERED)):
        return "ring"
    if any(RETURNED.of(n) not in ledger for n in ledger.which(TRANSFERRING)):
        return "transfer"
    return "queue" if ledger.which(QUEUED) else "greeting"


def _before_answer(ledger: Ledger) -> str:
    """An arriving call is new; one of our own seeks an agent first, then dials."""
    if ledger.which(DIALLING):
        return "dialling"
    if any(DECLINED.of(n) not in ledger for n in ledger.which(OFFERED)):
        return "ring"
    return "queue" if ledger.which(QUEUED) else "arrival"


class ShownParty(msgspec.Struct, frozen=True):
    """Somebody in a conversation, and what they do: ringing, talking, consulting, holding, held."""

    name: str
    role: Role
    doing: Doing
    for_ms: int
    muted: bool = False


class ShownMissed(msgspec.Struct, frozen=True):
    """Somebody who was asked for and could not be had: why, and how long ago that was known."""

    name: str
    aim: Aim
    why: str
    ago_ms: int


class ShownTalk(msgspec.Struct, frozen=True):
    """A conversation now; `missed`: whoever could not be had in it."""

    call: CallId
    parties: list[ShownParty]
    missed: list[ShownMissed] = []


def talk(talk: Talk, now: Instant) -> ShownTalk:
    """Who is in it, in the order in which they came, but for those who have left or are about to."""
    shown = [
        ShownParty(each.name, each.role, talk.doing(each), now - (each.since or each.asked), each.is_muted)
        for each in talk.parties
        if each.is_alive
    ]
    missed = [
        ShownMissed(each.name, each.aim, outward.why(each.cause), now - (each.left or now))
        for each in talk.parties
        if each.is_unreached
    ]
    return ShownTalk(talk.call, shown, missed)


def unwatched(talk: Talk) -> Talk:
    """The same as whoever is in it may know it: without supervisors whom the citizen does not hear."""
    known = (each for each in talk.parties if not each.by or (each.is_alive and each.room is not Room.EAR))
    return msgspec.structs.replace(talk, parties=tuple(known))


def ended(record: CallRecord) -> EndedCall:
    """A call that is over, from its record."""
    return EndedCall(
        record.call,
        record.line,
        record.name,
        record.phase,
        record.dialled,
        mask(record.caller),
        record.marked,
        record.outcome,
        record.arrived,
        record.ended,
        record.agent or record.target or "",
        record.overflowed,
        record.prompts,
        record.wait_ms,
        record.talk_ms,
        record.rating,
        record.recording,
        record.direction,
        record.task,
        record.result,
        record.reached,
        record.answered,
        record.seat,
        record.lacks_ms,
    )


class Happened(msgspec.Struct, frozen=True):
    """An entry of the journal about a call; `body` as it was written, the caller's number masked."""

    seq: int
    at: Instant
    topic: str
    key: str
    body: Any


def happened(entry: Entry) -> Happened:
    """An entry, fit to be shown."""
    body = _masked(msgspec.json.decode(entry.body))
    if entry.topic == CALL and body["step"].startswith(DIALLING.of("").name):  # whom we call is the citizen
        body["outcome"]["number"] = mask(body["outcome"]["number"])
    return Happened(entry.seq, entry.at, entry.topic, entry.key, body)


def unsupervised(told: Iterable[Happened], supervisors: Collection[int]) -> list[Happened]:
    """The same without what supervisors did; `supervisors` are their places among the parties."""
    shown = []
    for each in told:
        outcome = each.body.get("outcome") if each.topic == CALL else None
        if isinstance(outcome, dict) and (outcome.get("do") in SUPERVISORS or outcome.get("party") in supervisors):
            continue
        if each.topic == RECORD and "brought" in each.body:
            brought = [party for party in each.body["brought"] if party["aim"] not in SUPERVISING]
            each = msgspec.structs.replace(each, body=each.body | {"brought": brought})  # noqa: PLW2901 - the same, less
        shown.append(each)
    return shown


def _masked(body: Any) -> Any:
    """`body` with every number under `caller` masked, at whatever depth."""
    if isinstance(body, list):
        return [_masked(each) for each in body]
    if not isinstance(body, dict):
        return body
    return {
        name: mask(value) if name == "caller" and isinstance(value, str) else _masked(value)
        for name, value in body.items()
    }


def agents(config: Config, present: Iterable[AgentView], now: Instant) -> list[ShownAgent]:
    """Everybody who may sign in, with what they are doing."""
    there = {view.agent: view for view in present}
    return [agent(config, id_, there.get(id_), now) for id_ in {**config.site.agents, **there}]


def agent(config: Config, id_: AgentId, view: AgentView | None, now: Instant) -> ShownAgent:
    """One agent; no `view`: they are not there."""
    known = config.site.agents.get(id_)
    return ShownAgent(
        id_,
        known.name if known else "",
        view.seat if view else None,
        tuple(each.pool for each in known.competences) if known else (),
        view.state if view else "signed-out",
        now - view.since if view else 0,
        view.ticket if view else None,
        view.reason if view else "",
        view.then if view else None,
        view.by if view else "",
    )


def waiting(config: Config, dispatcher: Dispatcher) -> Iterator[Waiting]:
    """Who waits, by rank."""
    estimator = config.site.announcements.wait.decides
    for view in dispatcher.waiting():
        place, estimate = dispatcher.place(view.ticket), dispatcher.estimate(view.ticket)
        expected_ms = estimate.of(estimator) if estimate else None
        rounded_ms = -(-expected_ms // ROUND_MS) * ROUND_MS if expected_ms is not None else None
        if place is not None:
            yield Waiting(view, place.requirement, place.priority_ms, rounded_ms)


def ticket(known: Waiting, ledgers: Mapping[CallId, Ledger], now: Instant) -> ShownTicket:
    """A ticket that waits; of somebody who is brought into a talk it is that talk's line."""
    view, alternatives = known.view, known.requirement.alternatives
    asked = alternatives[0] if alternatives else None
    call = parties.call_of(view.ticket)
    route = ledgers[call].get(ROUTED) if call in ledgers else None
    return ShownTicket(
        CallId(view.ticket),
        route.line if route else "",
        view.rung,
        view.state,
        view.offered_to,
        now - view.first_entry,
        tuple(dict.fromkeys(each.pool for each in alternatives)),
        asked.skill if asked else None,
        asked.level if asked else 1,
        asked.language if asked else None,
        known.priority_ms,
        known.expected_ms,
    )
