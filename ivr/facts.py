"""What can be known of a call: the outcomes of its steps, and the record that they add up to.

Values only: the journal writes them, the ledger returns them, the store keeps them.  Moments are `Instant`.
"""

from enum import StrEnum

import msgspec

from routing.callbacks import Result, Why
from routing.estimate import Estimate
from routing.ids import (
    AgentId,
    CallId,
    ChannelId,
    Instant,
    PoolId,
    PromptId,
    SeatId,
    SkillId,
    TargetId,
    TicketId,
)
from routing.plan import Arrival, Destination, Detour
from routing.tickets import Refusal


class Direction(StrEnum):
    """Who called whom."""

    IN = "in"  # a citizen, us
    CALLBACK = "callback"  # the engine, a citizen who is to be called back
    OUT = "out"  # an agent, somebody outside
    SEAT = "seat"  # a seat's phone, an emergency desk, without us


class Arrived(msgspec.Struct, frozen=True):
    """The dialplan's stamp on `channel`; or the beginning of a call of our own, `arrival.caller` being who is called.

    `moment`: the civil time that the plan is asked for, ISO; `rehearsal`: its id, if any.  `first_entry`, `agent`: of
    somebody who is to be called back, or calls by themselves meanwhile: since when they wait, and who is asked first;
    `agent` also of somebody who has lately talked with that one, and the agent who calls out.  `task`: the call that
    made the task of calling back.  `slower_ms`: by how much later it counts as having come.
    """

    at: Instant
    arrival: Arrival
    moment: str
    rehearsal: str = ""
    channel: ChannelId = ChannelId("")
    first_entry: Instant | None = None
    agent: AgentId | None = None
    slower_ms: int = 0
    direction: Direction = Direction.IN
    task: CallId | None = None


class Heard(StrEnum):
    """How a prompt ended."""

    WHOLE = "whole"
    CUT = "cut"  # by us: somebody answered
    FAILED = "failed"  # Asterisk could not play it


class Said(msgspec.Struct, frozen=True):
    """The end of a prompt."""

    at: Instant
    heard: Heard = Heard.WHOLE


class Announced(msgspec.Struct, frozen=True, omit_defaults=True):
    """What somebody who waits is about to hear; `estimate`: what was known of their wait, if it is about that.

    `broadcast`: which announcement to all it is.
    """

    at: Instant
    prompts: tuple[PromptId, ...]
    estimate: Estimate | None = None
    broadcast: str = ""


class Asked(msgspec.Struct, frozen=True):
    """They pressed the key for being called back, and have given their place up for it."""

    at: Instant


class Queued(msgspec.Struct, frozen=True, omit_defaults=True):
    """The place in the queue; `too`: pools whose agents may take the ticket because this one's queue is too long.

    `detours`: where the wait leads, in order; `offer_ms`: after how long the key for being called back is offered,
    because a pool overflows to that.
    """

    at: Instant
    ticket: TicketId
    too: tuple[PoolId, ...] = ()
    detours: tuple[Detour, ...] = ()
    offer_ms: int | None = None


class Detoured(msgspec.Struct, frozen=True):
    """The wait has led to a target, or, None, to a message: nobody of `pools` has taken the call yet.

    `reasons`: what is to be said of it, if a supervisor has closed one.
    """

    at: Instant
    pools: tuple[PoolId, ...]
    place: Destination | None = None
    reasons: tuple[PromptId, ...] = ()


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the citizen says after the tone; `until` None: they are saying it."""

    at: Instant
    until: Instant | None = None


class Overflowed(msgspec.Struct, frozen=True):
    """The place was given up: nobody of `pools` took the call in time, or nobody is signed in there.

    `reasons`: what is to be said of it, if a supervisor has closed one.
    """

    at: Instant
    pools: tuple[PoolId, ...]
    reasons: tuple[PromptId, ...] = ()


class Offered(msgspec.Struct, frozen=True):
    """An agent's phone is about to ring."""

    at: Instant
    agent: AgentId
    seat: SeatId
    leg: ChannelId


class Answering(msgspec.Struct, frozen=True):
    """That phone is about to be dialled again, to answer by itself, as `by` asks."""

    at: Instant
    by: str
    leg: ChannelId


class Declined(msgspec.Struct, frozen=True):
    """An offer that came to nothing."""

    at: Instant
    why: Refusal


class Connected(msgspec.Struct, frozen=True):
    """Citizen and agent hear each other."""

    at: Instant
    agent: AgentId
    seat: SeatId
    leg: ChannelId
    pool: PoolId


class Transferring(msgspec.Struct, frozen=True):
    """A target outside is about to be dialled."""

    at: Instant
    target: TargetId
    number: str
    leg: ChannelId


class Dialling(msgspec.Struct, frozen=True):
    """Whom we call is about to be dialled."""

    at: Instant
    number: str
    trunk: str
    leg: ChannelId


class Unreached(msgspec.Struct, frozen=True):
    """It came to nothing: `cause` is Q.850; without a `result` it was given up before it could come to anything."""

    at: Instant
    result: Result | None = None
    cause: int = 0


class Returned(msgspec.Struct, frozen=True):
    """A target that came to nothing: `closed`, `unanswered`, `busy`, `released` too soon, ..."""

    at: Instant
    why: str
    cause: int = 0


class Party(StrEnum):
    """Who ended it."""

    CITIZEN = "citizen"
    AGENT = "agent"
    TARGET = "target"
    ENGINE = "engine"


class Released(msgspec.Struct, frozen=True):
    """The first of the two to hang up; `cause` is Q.850."""

    at: Instant
    who: Party
    cause: int = 0


class Rated(msgspec.Struct, frozen=True):
    """What the citizen says of the talk: 1 very content to 5 not at all; None: no key was pressed."""

    at: Instant
    level: int | None = None


class Left(msgspec.Struct, frozen=True):
    """The way out: `why` is the name of the closed set in `ivr.call` (finished, hung-up, fault, taken-back)."""

    at: Instant
    why: str
    cause: int = 0


class Outcome(StrEnum):
    """What became of a call, in one word."""

    ANSWERED = "answered"  # an agent
    TRANSFERRED = "transferred"  # a target outside
    ABANDONED = "abandoned"  # the citizen left before a person answered
    CALLED_BACK = "called-back"  # gave the place in the queue up for a call back, and is to have one
    ANNOUNCED = "announced"  # a spoken reason was all there is for this number
    SURVIVAL = "survival"  # the dialplan took it over
    FAILED = "failed"  # we ended it and nobody had answered: a fault of ours
    REFUSED = "refused"  # busy at a limit of channels; known from the census only
    MISSED = "missed"  # came and left while we were away; known from the census only
    UNREACHED = "unreached"  # a call of our own to which nobody came: `result` says why
    WITHDRAWN = "withdrawn"  # a call of our own that was given up before anybody was dialled for


class Reached(StrEnum):
    """How far the dialplan has brought somebody without us."""

    PERSON = "person"
    TOLD = "told"  # a spoken reason was all there is for this number
    NOBODY = "nobody"


class Survived(msgspec.Struct, frozen=True):
    """How far the dialplan has brought the citizen of a call that had been ours; its record is older."""

    reached: Reached


class Matter(StrEnum):
    """What a call was about, as its agent says in wrap-up; `declined` (不受理) for one of `Ground`."""

    CONSULTATION = "consultation"
    HELP = "help"
    COMPLAINT = "complaint"
    REPORT = "report"
    SUGGESTION = "suggestion"
    PRAISE = "praise"
    OTHER = "other"
    SILENT = "silent"
    MISDIALLED = "misdialled"
    NUISANCE = "nuisance"
    DECLINED = "declined"


class Ground(StrEnum):
    """Why a matter is not the hotline's: the plan, 二.（二）2, names these ten and no other."""

    LITIGATION = "litigation"
    ARBITRATION = "arbitration"
    DISCIPLINE = "discipline"
    RECONSIDERATION = "reconsideration"
    DISCLOSURE = "disclosure"
    PETITION = "petition"
    STATE_SECRET = "state-secret"  # noqa: S105 - no password
    TRADE_SECRET = "trade-secret"  # noqa: S105 - no password
    PRIVACY = "privacy"
    MORALS = "morals"


WORDS: dict[Matter | Ground, str] = {
    Matter.CONSULTATION: "咨询",
    Matter.HELP: "求助",
    Matter.COMPLAINT: "投诉",
    Matter.REPORT: "举报",
    Matter.SUGGESTION: "建议",
    Matter.PRAISE: "表扬",
    Matter.OTHER: "其他",
    Matter.SILENT: "无声",
    Matter.MISDIALLED: "误拨",
    Matter.NUISANCE: "骚扰",
    Matter.DECLINED: "不受理",
    Ground.LITIGATION: "诉讼",
    Ground.ARBITRATION: "仲裁",
    Ground.DISCIPLINE: "纪检监察",
    Ground.RECONSIDERATION: "行政复议",
    Ground.DISCLOSURE: "政府信息公开",
    Ground.PETITION: "已进入信访渠道",
    Ground.STATE_SECRET: "国家秘密",
    Ground.TRADE_SECRET: "商业秘密",
    Ground.PRIVACY: "个人隐私",
    Ground.MORALS: "违反社会公序良俗",
}
"""Each as agents know it; the grounds as the plan names them, 二.（二）2, in its order."""


class Disposition(msgspec.Struct, frozen=True, omit_defaults=True):
    """What `agent` says that a call was; the last word counts.  `ground` stands with a matter that is declined."""

    at: Instant
    agent: AgentId
    matter: Matter
    ground: Ground | None = None


class Stage(StrEnum):
    """Where an abandoned call was."""

    ARRIVAL = "arrival"  # not answered yet
    GREETING = "greeting"
    QUEUE = "queue"
    RING = "ring"
    TRANSFER = "transfer"


class Brought(msgspec.Struct, frozen=True, omit_defaults=True):
    """Somebody who was brought into the conversation: for what (`aim`), asked for, there and gone when, and why not.

    `rang`: the first phone was dialled.  `joined` None: they could not be had; `left` None: they stayed to the end.
    `handed_over`: the last agent left the citizen to them.
    """

    name: str
    aim: str
    asked: Instant
    joined: Instant | None = None
    left: Instant | None = None
    cause: int = 0
    rang: Instant | None = None
    handed_over: Instant | None = None


class Talked(msgspec.Struct, frozen=True):
    """An agent's part of a talk: from the first word to the last, hold and consultation included.

    `held_ms`: music that the citizen heard while this agent had them.
    """

    agent: AgentId
    since: Instant
    until: Instant
    held_ms: int = 0


class CallRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """One visit of a citizen.  Raw numbers: who may see them is the reader's matter.

    `asked_pool`, `skill`: what it was queued for first; `pool`: for which of its pools it was answered.
    `callback`: why they are to be called back, when that is what became of the call; `message`: when they
    left one.  `reached`: how far the dialplan has brought them; where the call had been ours, filled in by
    the store.
    `rating`: 1 非常满意 to 5 非常不满意; None: not asked, or no key.
    `machine`: what answered at the target is a menu, so nobody was `connected`.  `overflowed`: the pools that did not
    take it in time.  `wait_ms`: from the first place in a queue to the person, or to the end.
    `since_answer_ms` and `since_prompt_end_ms`: the strict and the usual clock of the 15 seconds; the second is 0 when
    a person answered during the prompts.  `held_ms`: music within the talk.  `talks`: the part of
    each agent, in order, a supervisor's being from their taking over on; who came twice stands there twice.
    `paused`: when the recording was: it is silent there.  `lacks_ms`: what the recording has not of the call.
    A call of our own has another `direction` than `in`: `caller` is whom we have called, `result` what came of it,
    `task` the call that made the task of calling back.
    """

    call: CallId
    node: str
    outcome: Outcome
    arrived: Instant
    ended: Instant
    line: str = ""
    name: str = ""
    phase: str = ""
    dialled: str = ""
    caller: str = ""
    trunk: str = ""
    diverted_from: str | None = None
    marked: str | None = None
    moment: str = ""
    rehearsal: str = ""
    answered: Instant | None = None
    prompts_ended: Instant | None = None
    queued: Instant | None = None
    rang: Instant | None = None
    connected: Instant | None = None
    released: Instant | None = None
    released_by: Party | None = None
    stage: Stage | None = None
    cause: int = 0
    agent: AgentId | None = None
    seat: SeatId | None = None
    pool: PoolId | None = None
    asked_pool: PoolId | None = None
    skill: SkillId | None = None
    target: TargetId | None = None
    machine: bool = False
    overflowed: tuple[PoolId, ...] = ()
    offers: int = 0
    prompts: tuple[PromptId, ...] = ()
    rating: int | None = None
    callback: Why | None = None
    message: tuple[Instant, Instant] | None = None
    recording: str = ""  # its file, once it is finished: filled in by the store, as the next
    lacks_ms: int = 0
    wait_ms: int | None = None
    since_answer_ms: int | None = None
    since_prompt_end_ms: int | None = None
    talk_ms: int | None = None
    held_ms: int = 0
    brought: tuple[Brought, ...] = ()
    talks: tuple[Talked, ...] = ()
    paused: tuple[tuple[Instant, Instant], ...] = ()
    direction: Direction = Direction.IN
    task: CallId | None = None
    result: Result | None = None
    reached: Reached | None = None
