"""What the Floor is told, and what it answers: tickets, requirements, events and actions.

Every value here is a `msgspec.Struct`, frozen and tagged, so that the journal writes it as it is and a replay reads the
same value back.  Nothing here knows of channels, bridges or phones.
"""

from enum import StrEnum

import msgspec

from routing.ids import AgentId, Instant, LanguageId, PoolId, PromptId, SeatId, SkillId, TicketId


class Alternative(msgspec.Struct, frozen=True):
    """Any agent of `pool` who has `skill` (None: whoever is in the pool) at least at `level` (1 low to 5 high), and
    speaks `language` (None: Chinese, as everybody does).

    Where `agent` is named it is that one alone, whatever they have learnt, and the rest counts for nothing but wrap-up.
    """

    pool: PoolId
    skill: SkillId | None = None
    level: int = 1
    agent: AgentId | None = None
    language: LanguageId | None = None


class Requirement(msgspec.Struct, frozen=True):
    """Who may take a ticket now: alternatives in order of preference."""

    alternatives: tuple[Alternative, ...]

    @property
    def is_personal(self) -> bool:
        """Whether nobody will do but agents by name."""
        return all(one.agent is not None for one in self.alternatives)

    @property
    def common(self) -> "Requirement":
        """The same without agents by name, where it has anybody else: a preference, for which nobody waits.

        Tickets that share it stand in one line; whether they are ever served does not hang on who is preferred.
        """
        anybody = tuple(one for one in self.alternatives if one.agent is None)
        return Requirement(anybody) if 0 < len(anybody) < len(self.alternatives) else self


class Rung(msgspec.Struct, frozen=True):
    """A step of a ladder: from `after_ms` after the ticket's entry, `requirement` holds instead of the one before."""

    requirement: Requirement
    after_ms: int = 0


Ladder = tuple[Rung, ...]


class Competence(msgspec.Struct, frozen=True):
    """What an agent can do in one pool: `skills` maps skill to level 1-5; every member takes unskilled work of it.

    `languages`: those that they speak there beside Chinese.
    """

    pool: PoolId
    skills: tuple[tuple[SkillId, int], ...] = ()
    languages: tuple[LanguageId, ...] = ()

    def serves(self, asked: Alternative) -> bool:
        """Whether this is good enough for what is asked of anybody."""
        if asked.pool != self.pool or (asked.language is not None and asked.language not in self.languages):
            return False
        return asked.skill is None or dict(self.skills).get(asked.skill, 0) >= asked.level


class AgentState(StrEnum):
    """One clock an agent: a state and since when."""

    SIGNED_OUT = "signed-out"
    READY = "ready"
    RESERVED = "reserved"  # for a ticket, whose caller hears what must be heard first
    RINGING = "ringing"  # for it
    TALKING = "talking"
    HOLDING = "holding"  # the citizen hears music
    CONSULTING = "consulting"  # the agent talks with somebody else about the call
    WRAP_UP = "wrap-up"
    PAUSED = "paused"
    UNREACHABLE = "unreachable"


class Refusal(StrEnum):
    """Why an offer came to nothing; what becomes of the agent follows from it."""

    NO_ANSWER = "no-answer"  # RONA: the agent is paused until they say that they are back
    REJECTED = "rejected"  # the agent pressed reject: paused
    UNREACHABLE = "unreachable"  # the phone is not registered, or died: unreachable
    WITHDRAWN = "withdrawn"  # ours: a restart, a lost race; the agent is ready again


# --- events: `floor.apply(event, now)`


class Event(msgspec.Struct, frozen=True, tag_field="event"):
    """Something that happened; the Floor's only input."""


class SignedIn(Event, frozen=True, tag="signed-in"):
    """An agent sits down at a seat, ready at once unless `ready` is false.

    One agent a seat: the other is signed out.  While the agent, or who sits at the seat, is reserved or talking, a
    sign-in at another seat changes nothing: ask again.  At the same seat again: the state stays, `competences` hold
    from now on, and a sign-out asked for is taken back.
    """

    agent: AgentId
    seat: SeatId
    competences: tuple[Competence, ...]
    ready: bool = True


class SignedOut(Event, frozen=True, tag="signed-out"):
    """An agent leaves; during a talk or an offer this takes effect when it is over, and wrap-up after it.

    Here and in `Readied` and `Paused`, `by` names the supervisor who made them; empty: they did it themselves.
    """

    agent: AgentId
    by: str = ""


class Readied(Event, frozen=True, tag="readied"):
    """An agent asks for calls: ends wrap-up, pause and unreachability, and takes back what was asked for in a talk."""

    agent: AgentId
    by: str = ""


class Paused(Event, frozen=True, tag="paused"):
    """An agent asks for none; during a talk or an offer this takes effect after wrap-up, in wrap-up at once."""

    agent: AgentId
    reason: str
    by: str = ""


class Held(Event, frozen=True, tag="held"):
    """The agent who talks for `ticket` lets the citizen hear music."""

    ticket: TicketId
    agent: AgentId


class Consulted(Event, frozen=True, tag="consulted"):
    """The agent who talks for `ticket` turns to somebody else, while the citizen hears music."""

    ticket: TicketId
    agent: AgentId


class Resumed(Event, frozen=True, tag="resumed"):
    """The agent who held or consulted talks with the citizen again."""

    ticket: TicketId
    agent: AgentId


class WrappedUp(Event, frozen=True, tag="wrapped-up"):
    """The agent has said what the talk was: wrap-up is over, and what was asked for meanwhile takes effect."""

    agent: AgentId


class Lost(Event, frozen=True, tag="lost"):
    """The agent's phone, or the desk that they had opened, is gone (`why`).

    Who is ready or paused is unreachable, and what they were again once they are reached; from whoever is reserved,
    talks or wraps up nothing is taken.
    """

    agent: AgentId
    why: str


class Reached(Event, frozen=True, tag="reached"):
    """An unreachable agent's phone is back: ready again."""

    agent: AgentId


class Entered(Event, frozen=True, tag="entered"):
    """A ticket begins to wait.  Rank: `first_entry - priority_ms`, then the ticket's id; it never changes.

    The ladder counts from now.  A rung that nobody who is signed in could serve is passed at once, if there is a later
    one, or a limit.  `limit_ms`: how long it waits here before it overflows; None: for as long as it takes.  `offers`:
    how many it has had before, elsewhere; they are counted on.
    """

    ticket: TicketId
    ladder: Ladder
    first_entry: Instant
    priority_ms: int = 0
    limit_ms: int | None = None
    offers: int = 0


class Directed(Event, frozen=True, tag="directed"):
    """A supervisor (`by`) gives a ticket that nobody has accepted another ladder, counted from now; its rank stays.

    An offer that stands is withdrawn; a limit of its wait is none any longer.
    """

    ticket: TicketId
    ladder: Ladder
    by: str = ""


class Left(Event, frozen=True, tag="left"):
    """A ticket is gone, at whatever stage: the caller hung up, the talk is over, the place was given up.

    From waiting it disappears; from an offer the offer is withdrawn and the agent is ready; an agent who talks goes to
    wrap-up.
    """

    ticket: TicketId


class Accepted(Event, frozen=True, tag="accepted"):
    """The agent who was offered the ticket has answered the phone."""

    ticket: TicketId
    agent: AgentId


class Rang(Event, frozen=True, tag="rang"):
    """The phone of the agent who was offered the ticket is being dialled."""

    ticket: TicketId
    agent: AgentId


class Refused(Event, frozen=True, tag="refused"):
    """The offer, or an accepted ticket not yet connected, came to nothing: the ticket returns to its own place."""

    ticket: TicketId
    agent: AgentId
    why: Refusal


class Configured(Event, frozen=True, tag="configured"):
    """New limits and the pools that exist; a waiting ticket whose pools are all gone moves to `hall`.

    Wrap-up lasts `wrap_up_ms` at most, or what `wrap_ups` says of the pool for which the agent talked.  `limits`: how
    long an agent may stay in a state; then who is unreachable is signed out, and of anybody else it is said
    (`Overdue`), again and again.  What has begun keeps the limit it began with.
    Before the first of these every pool exists, and there is neither wrap-up nor limit.
    """

    pools: tuple[PoolId, ...]
    hall: PoolId
    wrap_up_ms: int
    wrap_ups: tuple[tuple[PoolId, int], ...] = ()
    limits: tuple[tuple[AgentState, int], ...] = ()


class Closed(Event, frozen=True, tag="closed"):
    """A supervisor (`by`) closes a pool until `Opened`; the hall is never closed.

    Nobody is asked as a member of it, what rings or talks goes on.  A ticket that waits for it alone goes on at once,
    and hears `prompt` (`Announce`); so does one that comes to it while it is closed.  Said again: another prompt.
    """

    pool: PoolId
    prompt: PromptId
    by: str = ""


class Opened(Event, frozen=True, tag="opened"):
    """A supervisor opens a pool again; who has moved on does not come back."""

    pool: PoolId
    by: str = ""


class Tick(Event, frozen=True, tag="tick"):
    """Time has come to `floor.due()`: ladders climb, waits end, wrap-up ends, an agent's state reaches its limit."""


AnyEvent = (
    SignedIn
    | SignedOut
    | Readied
    | Paused
    | Lost
    | Reached
    | Entered
    | Directed
    | Left
    | Accepted
    | Held
    | Consulted
    | Resumed
    | WrappedUp
    | Rang
    | Refused
    | Configured
    | Closed
    | Opened
    | Tick
)


# --- actions: what `apply` answers


class Offer(msgspec.Struct, frozen=True, tag_field="action", tag="offer"):
    """Ring `seat`, where `agent` sits, for `ticket`; the agent is reserved.  `n` counts the ticket's offers from 1."""

    ticket: TicketId
    agent: AgentId
    seat: SeatId
    n: int


class Withdraw(msgspec.Struct, frozen=True, tag_field="action", tag="withdraw"):
    """Stop ringing: the offer is no longer."""

    ticket: TicketId
    agent: AgentId


class Moved(msgspec.Struct, frozen=True, tag_field="action", tag="moved"):
    """The ticket's requirement is now the one of rung `rung` (0 is the first) of its ladder; -1: moved to the hall."""

    ticket: TicketId
    rung: int


class Overflowed(msgspec.Struct, frozen=True, tag_field="action", tag="overflowed"):
    """The ticket has left: its limit is over, or nobody who is signed in could ever serve it here.

    One that is on offer stays until the offer has come to nothing.
    """

    ticket: TicketId


class Changed(msgspec.Struct, frozen=True, tag_field="action", tag="changed"):
    """The agent's state, or the reason for it, is another one: said each time, with an `Offer` (before it) too."""

    agent: AgentId
    state: AgentState
    reason: str = ""
    by: str = ""


class Overdue(msgspec.Struct, frozen=True, tag_field="action", tag="overdue"):
    """The agent has been in `state` for its whole limit: somebody should look; nothing is taken from anybody."""

    agent: AgentId
    state: AgentState
    ticket: TicketId | None


class Announce(msgspec.Struct, frozen=True, tag_field="action", tag="announce"):
    """The ticket has moved on, or overflowed, because the pool for which it waited is closed: `prompt` says why."""

    ticket: TicketId
    prompt: PromptId


Action = Offer | Withdraw | Moved | Overflowed | Changed | Overdue | Announce
