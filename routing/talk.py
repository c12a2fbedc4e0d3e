"""What goes on inside a conversation: who is in it, where each belongs, and what each does.

A `Talk` is folded from facts (`routing.conversing`): what was asked, who was dialled, answered and left.  It says where
everybody should be; bringing that about, and finding out who is still there, is `ivr.conversation`'s.  Nothing here
knows of bridges.

The owner of a talk is the first agent in it.  Whoever is alone in a room hears music, the owner silence; so a held
citizen is a citizen left alone, and whoever comes to them ends it.
"""

from enum import StrEnum

import msgspec

from routing.ids import AgentId, CallId, ChannelId, Instant, PoolId, SeatId, TicketId


class Role(StrEnum):
    """What somebody is in a talk; a target is whoever is not ours: a centre, a utility, a desk, a number."""

    CITIZEN = "citizen"
    AGENT = "agent"
    TARGET = "target"
    SUPERVISOR = "supervisor"  # listens, whispers or barges in; is nobody's company but in the call


class Room(StrEnum):
    """Who is in a room hears who else is there; only the first is recorded."""

    CALL = "call"  # where the citizen is
    SIDE = "side"  # beside it: an agent who holds, a consultation that the citizen does not hear
    EAR = (
        "ear"  # a supervisor's own, in which they hear what an agent says and hears, and are heard by that agent alone
    )


class Sound(StrEnum):
    """What somebody hears."""

    VOICES = "voices"
    MUSIC = "music"
    SILENCE = "silence"
    RINGING = "ringing"


class Doing(StrEnum):
    """What somebody in a talk does; an agent who hears the phone of whom they asked for ring consults already."""

    RINGING = "ringing"
    TALKING = "talking"
    CONSULTING = "consulting"
    HOLDING = "holding"
    HELD = "held"
    LISTENING = "listening"
    WHISPERING = "whispering"


class Kind(StrEnum):
    """What can be brought into a talk."""

    AGENT = "agent"
    POOL = "pool"
    TARGET = "target"
    NUMBER = "number"
    EMERGENCY = "emergency"
    SEAT = "seat"
    EXPERT = "expert"


class Whom(msgspec.Struct, frozen=True):
    """Somebody to be brought in: an agent's 工号, a pool or target of the config, a number, an emergency number.

    Or the seat at which a supervisor sits, or an industry whose experts are called in turn.  `detail`: the skill for a
    pool, the county for an emergency number, whom of the agents it is about for a supervisor, the expert who is rung.
    `language`: for a pool, those who speak it first.
    """

    kind: Kind
    name: str
    detail: str = ""
    language: str = ""

    @property
    def is_ours(self) -> bool:
        """Through the Floor, to a seat; all others over a trunk."""
        return self.kind in {Kind.AGENT, Kind.POOL}


class Aim(StrEnum):
    """What somebody was brought in for."""

    TALK = "talk"  # with them it began
    CONSULT = "consult"
    TRANSFER = "transfer"
    LINK = "link"  # straight into the call, the agent staying: emergency desks, utilities
    RETURN = "return"  # the agent whose transfer came to nothing, and who had hung up meanwhile
    SUPERVISE = "supervise"
    TAKE_OVER = "take-over"  # as soon as the supervisor answers
    AGAIN = "again"  # the agent whose transfer was answered and let go at once: through the Floor, they may be busy
    QUEUE = "queue"  # and when that agent does not answer either: whoever is free


class Do(StrEnum):
    """What can be asked for in a talk."""

    HANG_UP = "hang-up"
    HOLD = "hold"
    RETRIEVE = "retrieve"
    MUTE = "mute"
    UNMUTE = "unmute"
    CONSULT = "consult"
    SWITCH = "switch"
    THREE_WAY = "three-way"
    COMPLETE = "complete"
    CANCEL = "cancel"
    TRANSFER = "transfer"
    LINK = "link"
    PAUSE_RECORDING = "pause-recording"
    RESUME_RECORDING = "resume-recording"
    SILENT = "silent"  # nobody is to be heard there: the citizen is told so, and the call ends
    NUISANCE = "nuisance"  # the citizen is warned; the number is marked elsewhere
    LISTEN = "listen"
    WHISPER = "whisper"
    BARGE = "barge"
    TAKE_OVER = "take-over"
    STOP = "stop"


SUPERVISORS = frozenset({Do.LISTEN, Do.WHISPER, Do.BARGE, Do.TAKE_OVER, Do.STOP})
"""What is asked for by a supervisor; all else by an agent in the talk."""

ANYBODYS = frozenset({Do.HANG_UP, Do.MUTE, Do.UNMUTE})
"""What every agent in a talk may do; the rest is the owner's."""

BRINGING = {Do.CONSULT: Aim.CONSULT, Do.TRANSFER: Aim.TRANSFER, Do.LINK: Aim.LINK}
"""What needs somebody to be named."""


class Fact(msgspec.Struct, frozen=True, tag_field="fact", kw_only=True):
    """Something that happened in a talk."""

    at: Instant


class Asked(Fact, frozen=True, tag="asked", kw_only=True):
    """`by`, an agent in the talk or a supervisor, asked for it, and it was legal.

    `return_within_ms`: whom they asked for was not reached if they let go again so soon of a citizen left to them.
    `token`: with which a supervisor asked, by its id; the house has none.
    """

    by: str
    do: Do
    whom: Whom | None = None
    return_within_ms: int = 0
    token: str = ""


class Dialled(Fact, frozen=True, tag="dialled", kw_only=True):
    """Before a party's phone is dialled; `agent` and `seat` where the Floor has chosen them, `expert` who is next.

    `by`: who has asked for it to answer by itself, while it rang already.
    """

    party: int
    leg: ChannelId
    agent: AgentId | None = None
    seat: SeatId | None = None
    expert: str = ""
    by: str = ""


class Joined(Fact, frozen=True, tag="joined", kw_only=True):
    """That phone was answered."""

    party: int


class Parted(Fact, frozen=True, tag="parted", kw_only=True):
    """A party has left, or could not be had; `cause` is Q.850."""

    party: int
    cause: int = 0


AnyFact = Asked | Dialled | Joined | Parted


class Party(msgspec.Struct, frozen=True):
    """Somebody in a talk, or on the way into it or out of it.  `n` is the place in `Talk.parties`.

    `dialled`: when the first phone of theirs was, in search of them.
    `handed`: when an agent left the citizen to them; whoever lets go within `return_within_ms` from then on, or from
    their answer, was not reached.
    `asker`: who brought them in; for a supervisor (`by`) the agent who is supervised.
    `token`: with which a supervisor has asked last.
    """

    n: int
    role: Role
    aim: Aim
    asked: Instant
    whom: Whom | None = None
    asker: int = 0
    by: str = ""
    ticket: TicketId | None = None
    leg: ChannelId = ChannelId("")
    dialled: Instant | None = None
    agent: AgentId | None = None
    seat: SeatId | None = None
    since: Instant | None = None
    left: Instant | None = None
    cause: int = 0
    room: Room = Room.CALL
    is_muted: bool = False
    is_leaving: bool = False
    handed: Instant | None = None
    return_within_ms: int = 0
    token: str = ""

    @property
    def is_alive(self) -> bool:
        """There, or sought."""
        return self.left is None and not self.is_leaving

    @property
    def is_there(self) -> bool:
        """Has answered, and is to stay."""
        return self.is_alive and self.since is not None

    @property
    def is_sought(self) -> bool:
        """Being rung, or waited for."""
        return self.is_alive and self.since is None

    @property
    def is_unreached(self) -> bool:
        """They could not be had, and nobody had given them up."""
        return self.left is not None and self.since is None and not self.is_leaving

    @property
    def name(self) -> str:
        """What they are called in a sentence."""
        if self.whom is not None and self.whom.kind is Kind.EXPERT and self.whom.detail:
            return f"{self.whom.name}/{self.whom.detail}"
        return self.agent or self.by or (self.whom.name if self.whom else str(self.role))


class Talk(msgspec.Struct, frozen=True):
    """A conversation: the citizen, the one with whom it began, and all who came later, in that order."""

    call: CallId
    hall: PoolId
    parties: tuple[Party, ...]
    is_paused: bool = False
    """What is said is not to be in the recording."""
    is_warned: bool = False
    """The citizen is to hear, or has heard, that this is a nuisance."""

    @property
    def owner(self) -> Party | None:
        """The agent who conducts it; None when the citizen talks with somebody who is not ours."""
        return next((each for each in self.parties if each.role is Role.AGENT and each.is_there), None)

    @property
    def guest(self) -> Party | None:
        """Whoever the owner brought in last and is still there, or sought."""
        owner = self.owner
        parties = [each for each in self.parties[1:] if each.is_alive and each.role is not Role.SUPERVISOR]
        others = [each for each in parties if each is not owner]
        return others[-1] if others and owner else None

    @property
    def has_emergency(self) -> bool:
        """An emergency desk is, or was to be, in it."""
        return any(each.whom is not None and each.whom.kind is Kind.EMERGENCY for each in self.parties)

    @property
    def unreached(self) -> tuple[Party, ...]:
        """Emergency desks that nobody answers at, unless somebody has since."""
        desks = [each for each in self.parties if each.whom is not None and each.whom.kind is Kind.EMERGENCY]
        had = {each.name for each in desks if each.since is not None}
        return tuple(each for each in desks if each.is_unreached and each.name not in had)

    @property
    def is_over(self) -> bool:
        """Fewer than two are left, and nobody is on the way."""
        return all(each.left is not None for each in self.parties[1:] if each.role is not Role.SUPERVISOR)

    def supervisor(self, by: str) -> Party | None:
        """A supervisor who is there or rung."""
        return next((each for each in self.parties if each.by == by and each.is_alive), None)

    def agent(self, agent: str) -> Party | None:
        """The agent of that 工号, if in the talk."""
        return next((each for each in self.parties if each.agent == agent and each.is_there), None)

    def sound(self, party: Party) -> Sound:
        """What somebody who is there should hear."""
        if party.room is Room.EAR:
            return Sound.VOICES
        if any(each.is_there and each.room is party.room and each.n != party.n for each in self.parties):
            return Sound.VOICES
        if party is not self.owner:
            return Sound.MUSIC
        awaited = any(each.is_sought and each.asker == party.n and not each.by for each in self.parties)
        return Sound.RINGING if awaited else Sound.SILENCE

    def doing(self, party: Party) -> Doing:
        """What somebody who has not left does now."""
        if party.is_sought:
            return Doing.RINGING
        if party.room is Room.EAR:
            return Doing.LISTENING if party.is_muted else Doing.WHISPERING
        sound = self.sound(party)
        if sound is Sound.VOICES:
            return Doing.TALKING if party.room is Room.CALL else Doing.CONSULTING
        return {Sound.MUSIC: Doing.HELD, Sound.SILENCE: Doing.HOLDING}.get(sound, Doing.CONSULTING)

    def tickets(self) -> tuple[TicketId, ...]:
        """The Floor's tickets that this talk needs.

        An agent who hung up while their transfer rings keeps theirs: it may come back to them.
        """
        sought = (each for each in self.parties if each.is_sought and not each.by)
        waiting = [each.asker for each in sought if each.aim not in {Aim.QUEUE, Aim.AGAIN}]
        held = (each for each in self.parties if each.left is None or each.n in waiting)
        return tuple(each.ticket for each in held if each.ticket)

    def freed(self) -> tuple[TicketId, ...]:
        """Those that it needs no longer."""
        kept = self.tickets()
        return tuple(each.ticket for each in self.parties if each.ticket and each.ticket not in kept)

    def put(self, *changed: Party) -> "Talk":
        """The same with these parties as they are now; a new one comes last."""
        parties = list(self.parties)
        for party in changed:
            parties[party.n : party.n + 1] = [party]
        return msgspec.structs.replace(self, parties=tuple(parties))

    def gathered(self) -> "Talk":
        """The same with nobody at the side any more."""
        beside = (each for each in self.parties if each.is_alive and each.room is Room.SIDE)
        return self.put(*(msgspec.structs.replace(each, room=Room.CALL) for each in beside))


def begun(call: CallId, hall: PoolId, citizen: ChannelId, first: Party) -> Talk:
    """A talk of two."""
    return Talk(call, hall, (Party(0, Role.CITIZEN, Aim.TALK, first.asked, leg=citizen, since=first.since), first))
